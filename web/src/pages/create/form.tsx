// The draft's form.
import type { Option } from "../../core/options";
import { Form } from "../../parts/form";
import { left, options, problems, set, values } from "./model";

/** Options that are drawn elsewhere. */
const ELSEWHERE = new Set(["table.include.list", "connection"]);

const leave = (o: Option) => {
  if (o.required) left.value = new Set([...left.value, o.name]);
};

export function DraftForm({ groups, search }: { groups: (group: string) => boolean; search?: boolean }) {
  const of = { options: options.value, values: values.value, set, problems: problems.value, leave };
  return <Form of={of} shown={(o) => groups(o.group) && !ELSEWHERE.has(o.name)} search={search} />;
}
