// Reads a JSON list of [construct, properties] and prints the template of each, in a stack of its own. The folder is the first argument.
const path = require("path");
const { App, Stack } = require("aws-cdk-lib");
const constructs = require(path.resolve(process.argv[2], "lib"));

const app = new App({ outdir: path.resolve(process.argv[2], "out") });
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
asked.forEach(([name, properties], number) => new constructs[name](new Stack(app, `s${number}`), "Ecspan", properties));
const made = app.synth();
console.log(JSON.stringify(asked.map((_, number) => made.getStackByName(`s${number}`).template)));
