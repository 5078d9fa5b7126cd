// The address of a database as people have it, JDBC's too, as options:
// "postgres://user:password@host:port/database?sslmode=require".
import type { Config } from "./config";

/** A percent sign that begins no code stands for itself. */
const decoded = (text: string) =>
  text.replace(/(%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run; // bytes of another encoding
    }
  });

export interface Address {
  postgres: boolean;
  options: Config;
}

/** null: it is none. */
export function addressOf(text: string): Address | null {
  const url = /^(?:jdbc:)?(postgres|postgresql|mysql|mariadb):(\/\/.*)$/i.exec(text.trim());
  if (!url) return null;
  let u: URL;
  try {
    u = new URL(`x:${url[2]!}`);
  } catch {
    return null;
  }
  if (!u.hostname) return null;
  const given = (...names: string[]) => names.map((n) => u.searchParams.get(n)).find(Boolean) ?? "";
  const postgres = /^postgres/i.test(url[1]!);
  const database = decoded(u.pathname.slice(1));
  const all = {
    "database.hostname": u.hostname.replace(/^\[|\]$/g, ""),
    "database.port": u.port,
    "database.user": decoded(u.username) || given("user"),
    "database.password": decoded(u.password) || given("password"),
    ...(postgres
      ? { "database.dbname": database, "database.sslmode": given("sslmode") }
      : { "database.include.list": database, "database.ssl.mode": given("sslMode", "ssl-mode").toLowerCase() }),
  };
  return { postgres, options: Object.fromEntries(Object.entries(all).filter(([, value]) => value)) };
}
