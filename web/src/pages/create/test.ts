// The test of the draft, and which field a step that failed is about.
import { labelOf } from "../../core/options";
import { Trial, type Step } from "../../parts/trial";
import { byName, config } from "./model";

export const trial = new Trial(() => ({ config: config.value }));

export function fieldOf(s: Step): { name: string; label: string } | null {
  const first = (...names: string[]) => {
    const found = names.find((n) => byName.value.has(n));
    return found ? { name: found, label: labelOf(byName.value.get(found)!) } : null;
  };
  const text = `${s.code ?? ""} ${s.detail ?? ""}`.toLowerCase();
  if (/database .*does not exist|database_missing/.test(text)) return first("database.dbname");
  if (/role ".*" does not exist/.test(text)) return first("database.user");
  if (/password|authentication/.test(text)) return first("database.password", "connection.password");
  if (/resolve|connect|refused|port/.test(`${s.step} ${text}`)) return first("database.hostname", "connection.url");
  return null;
}
