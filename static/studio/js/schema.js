// Reading JSON Schema as Pydantic writes it: references followed, nullable and single-choice unions opened up.

/** The one schema that a property really has, with the title, default and bounds its wrapper adds. */
export function resolve(schema, root) {
  const { $ref, anyOf, oneOf, allOf, ...outer } = schema;
  if ($ref) {
    const target = $ref.replace(/^#\//, "").split("/").reduce((node, part) => node?.[part], root);
    return { ...resolve(target ?? {}, root), ...outer };
  }
  const choices = (anyOf ?? oneOf ?? allOf ?? []).filter((choice) => choice.type !== "null");
  if (choices.length === 1) return { ...resolve(choices[0], root), ...outer };
  if (choices.length > 1) {
    const opened = choices.map((choice) => resolve(choice, root));
    const values = opened.flatMap((choice) => choice.enum ?? (choice.const === undefined ? [null] : [choice.const]));
    if (!values.includes(null)) return { enum: values, ...outer };
    return { ...opened[0], ...outer };
  }
  return Array.isArray(outer.type) ? { ...outer, type: outer.type.find((type) => type !== "null") } : outer;
}

/** The closed list of values, or null. */
export function values(schema) {
  if (schema.enum) return schema.enum.filter((value) => value !== null);
  return schema.const === undefined ? null : [schema.const];
}

export const isAsset = (schema) => schema.format === "asset-id";

/** The asset fields of an operation's schema: [{name, kind, isList, most}]. */
export function assetFields(root) {
  const found = [];
  for (const [name, raw] of Object.entries(root.properties ?? {})) {
    const schema = resolve(raw, root);
    const item = schema.type === "array" ? resolve(schema.items ?? {}, root) : schema;
    if (isAsset(item)) {
      const isList = item !== schema;
      found.push({ name, kind: item["x-kind"] ?? schema["x-kind"] ?? "image", isList, most: isList ? schema.maxItems ?? 10 : 1 });
    }
  }
  return found;
}
