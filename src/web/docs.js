// The contract, to read: /openapi.json laid out. Text only ever becomes text nodes.

const $ = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const row = (kind, ...cells) => element("tr", {}, ...cells.map((cell) => element(kind, {}, cell)));
const code = (text) => element("code", {}, text);

// What a schema says, in a few words; types are linked.
function type(schema) {
  if (!schema || schema === true) return "any";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return element("a", { href: `#type-${name}` }, name);
  }
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return join(several.map(type), " or ");
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum) return join(schema.enum.map((value) => code(JSON.stringify(value))), " or ");
  if (schema.items) return join(["list of ", type(schema.items), bounds(schema)], "");
  const name = [schema.type ?? "any"].flat().join(" or ");
  return `${name}${schema.format ? ` (${schema.format})` : ""}${bounds(schema)}`;
}

function bounds(schema) {
  const names = { minimum: "≥", maximum: "≤", minLength: "length ≥", maxLength: "length ≤", maxItems: "items ≤" };
  const all = Object.entries(names).filter(([name]) => schema[name] !== undefined).map(([name, sign]) => `${sign} ${schema[name]}`);
  return all.length ? `, ${all.join(", ")}` : "";
}

function join(parts, between) {
  const span = element("span");
  parts.forEach((part, index) => span.append(index ? between : "", part));
  return span;
}

function fields(schema) {
  const names = Object.entries(schema.properties ?? {});
  if (names.length === 0) return element("p", {}, type(schema));
  const rows = names.map(([name, field]) =>
    row("td", code(name), (schema.required ?? []).includes(name) ? "required" : "", type(field), field.description ?? ""));
  return element("table", {}, ...rows);
}

function operation(path, method, about) {
  const title = element("summary", {},
    element("span", { className: "method" }, method.toUpperCase()), code(path), " ", about.summary, " ",
    element("span", { className: "chip" }, about["x-scope"] ?? "open"));
  const parts = [];
  if (about.parameters.length) {
    const rows = about.parameters.map((parameter) =>
      row("td", code(parameter.name), parameter.in + (parameter.required ? ", required" : ""), type(parameter.schema), parameter.description ?? ""));
    parts.push(element("h3", {}, "Parameters"), element("table", {}, ...rows));
  }
  const bodies = Object.entries(about.requestBody?.content ?? {});
  if (bodies.length) parts.push(element("h3", {}, "Body"), ...bodies.map(([kind, body]) => element("p", {}, code(kind), ": ", type(body.schema))));
  const answers = Object.entries(about.responses).flatMap(([status, answer]) => {
    if (answer.$ref) return [element("p", {}, "otherwise: ", element("a", { href: "#type-Problem" }, "Problem"))];
    const kinds = Object.entries(answer.content ?? {});
    if (kinds.length === 0) return [element("p", {}, `${status}: no body`)];
    return kinds.map(([kind, body]) => element("p", {}, `${status} `, code(kind), ": ", type(body.schema)));
  });
  parts.push(element("h3", {}, "Answers"), ...answers);
  return element("details", { id: about.operationId }, title, ...parts);
}

const contract = await (await fetch("/openapi.json")).json();
$("about").textContent = `${contract.info.description} (version ${contract.info.version})`;

const groups = new Map();
for (const [path, methods] of Object.entries(contract.paths)) {
  for (const [method, about] of Object.entries(methods)) {
    const group = about.tags[0];
    groups.set(group, [...(groups.get(group) ?? []), operation(path, method, about)]);
  }
}
for (const [name, operations] of groups) {
  $("operations").append(element("section", {}, element("h2", {}, name), ...operations));
}

for (const [name, schema] of Object.entries(contract.components.schemas).sort()) {
  const summary = element("summary", {}, code(name), " ", schema.description ?? "");
  $("types").append(element("details", { id: `type-${name}` }, summary, fields(schema)));
}

$("codes").append(row("th", "code", "status", "meaning", "who must act"),
  ...contract["x-error-codes"].map((one) => {
    const line = row("td", code(one.code), String(one.status), one.title, one.who_acts);
    line.id = one.code;
    return line;
  }));
$("limits").append(...Object.entries(contract["x-limits"]).map(([name, value]) => row("td", code(name), String(value))));

// A link to a type or an operation opens it.
function open() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", open);
open();
