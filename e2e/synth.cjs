// Reads a JSON list of [construct, properties] and prints the template of each, in a stack of its own. The folder is the first argument.
// A text that begins with "ref:" is a resource of the same stack.
const path = require("path");
const { App, CfnResource, Stack } = require("aws-cdk-lib");
const constructs = require(path.resolve(process.argv[2], "lib"));

const app = new App({ outdir: path.resolve(process.argv[2], "out") });
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
asked.forEach(([name, properties], number) => {
  const stack = new Stack(app, `s${number}`);
  const referred = (value) => {
    if (Array.isArray(value)) return value.map(referred);
    return String(value).startsWith("ref:") ? new CfnResource(stack, value.slice(4), { type: "AWS::SNS::Topic" }).ref : value;
  };
  const given = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, referred(value)]));
  new constructs[name](stack, "Ecspan", given);
});
const made = app.synth();
console.log(JSON.stringify(asked.map((_, number) => made.getStackByName(`s${number}`).template)));
