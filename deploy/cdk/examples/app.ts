// The function for all tasks of an account and region: npx cdk deploy --app "node examples/app.js"
import { App, CfnOutput, Stack } from "aws-cdk-lib";
import { EcspanLambda } from "../lib";

const app = new App();
const stack = new Stack(app, "ecspan");
const ecspan = new EcspanLambda(stack, "Ecspan", {
  zip: "../../ecspan-lambda.zip",
  otlpEndpoint: "https://otlp.example.com",
});
new CfnOutput(stack, "QueueUrl", { value: ecspan.queue.ref });
