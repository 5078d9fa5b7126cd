// A system's mark: two letters on a tint, so that cards are told apart at a glance. It says nothing that
// its label does not.
const marks: Record<string, [string, string]> = {
  postgres: ["Pg", "accent"],
  mysql: ["My", "warn"],
  mariadb: ["Ma", "info"],
  jdbc: ["Qy", "ok"],
  sql: ["Db", "ok"],
  kafka: ["Ka", "muted"],
  datagen: ["01", "muted"],
  null: ["∅", "muted"],
  mongodb: ["Mg", "ok"],
  redis: ["Re", "bad"],
  sqlite: ["Sq", "accent"],
  oracle: ["Or", "bad"],
  sqlserver: ["Ms", "bad"],
  db2: ["D2", "ok"],
  rabbitmq: ["Ra", "warn"],
  http: ["Ht", "info"],
  s3: ["S3", "warn"],
  file: ["Fi", "muted"],
};

export function Glyph({ name }: { name: string }) {
  const [text, tone] = marks[name] ?? [name.slice(0, 1).toUpperCase() + name.slice(1, 2), "muted"];
  return (
    <span class={`glyph tone-${tone} tint-${tone}`} aria-hidden="true">
      {text}
    </span>
  );
}
