// Reads queries, a JSON list of [language, text], and prints what each is made of: its nodes, as [kind, text].
const parsers = { traceql: require("@grafana/lezer-traceql").parser, logql: require("@grafana/lezer-logql").parser };

function nodes([language, text]) {
  const found = [];
  parsers[language].parse(text).iterate({
    enter: (node) => void found.push([node.type.isError ? "error" : node.name, text.slice(node.from, node.to)]),
  });
  return found;
}

const queries = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(queries.map(nodes)));
