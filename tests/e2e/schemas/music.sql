-- Of the kind of a music shop's database: names in CamelCase, quoted everywhere.
CREATE SCHEMA "Music";
SET search_path = "Music";
CREATE TABLE "Artist" ("ArtistId" int NOT NULL, "Name" varchar(120),
    CONSTRAINT "PK_Artist" PRIMARY KEY ("ArtistId"));
CREATE TABLE "Album" ("AlbumId" int NOT NULL, "Title" varchar(160) NOT NULL, "ArtistId" int NOT NULL,
    CONSTRAINT "PK_Album" PRIMARY KEY ("AlbumId"),
    CONSTRAINT "FK_AlbumArtistId" FOREIGN KEY ("ArtistId") REFERENCES "Artist" ("ArtistId"));
CREATE TABLE "Track" ("TrackId" int NOT NULL, "Name" varchar(200) NOT NULL, "AlbumId" int,
    "Milliseconds" int NOT NULL, "Bytes" int, "UnitPrice" numeric(10,2) NOT NULL,
    CONSTRAINT "PK_Track" PRIMARY KEY ("TrackId"));
CREATE TABLE "PlaylistTrack" ("PlaylistId" int NOT NULL, "TrackId" int NOT NULL,
    CONSTRAINT "PK_PlaylistTrack" PRIMARY KEY ("PlaylistId", "TrackId"));
CREATE TABLE "Odd name, with ""quotes""" ("a b" int PRIMARY KEY, "é" text, "SELECT" text);

INSERT INTO "Artist" SELECT i, 'Motörhead ' || i FROM generate_series(1, 50) i;
INSERT INTO "Album" SELECT i, 'Album ''' || i || '''', 1 + i % 50 FROM generate_series(1, 120) i;
INSERT INTO "Track" SELECT i, 'Track ' || i, 1 + i % 120, i * 1000, NULLIF(i % 7, 0) * 100000, 0.99
    FROM generate_series(1, 500) i;
INSERT INTO "PlaylistTrack" SELECT p, t FROM generate_series(1, 5) p, generate_series(1, 100) t;
INSERT INTO "Odd name, with ""quotes""" VALUES (1, 'ü', NULL), (2, '', 'x');
