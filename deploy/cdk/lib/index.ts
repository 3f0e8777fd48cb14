// ecspan as a construct: the templates of examples/deploy with typed properties, so that there is one of each. What a property
// leaves out keeps the template's default, as a parameter of the stack.
import * as path from "node:path";
import { Fn } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { CfnFunction } from "aws-cdk-lib/aws-sam";
import { CfnRole } from "aws-cdk-lib/aws-iam";
import { CfnQueue } from "aws-cdk-lib/aws-sqs";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { Construct } from "constructs";

/** What the function and the workers are told alike. */
export interface EcspanProps {
  /** Where traces go: "otlp" (default), "xray", or both. */
  readonly to?: ("otlp" | "xray")[];
  /** URL of the OTLP receiver; gRPC is spoken on port 4317, HTTP elsewhere. Needed unless all goes to X-Ray. */
  readonly otlpEndpoint?: string;
  /** ARN of a Secrets Manager secret whose string is sent as headers (api-key=...). */
  readonly otlpHeadersSecretArn?: string;
  /** Name of the one cluster whose tasks are exported; otherwise all of the account and region. */
  readonly onlyCluster?: string;
  /** Names of the services whose tasks are exported; otherwise all tasks. */
  readonly services?: string[];
  /** Only tasks that failed. */
  readonly onlyFailed?: boolean;
  /** Only tasks whose launch took at least so long: "30s", "2m". */
  readonly slowerThan?: string;
  /** The trace of each deployment as well, once it is over (default: true). */
  readonly deployments?: boolean;
  /** Whose log lines are read from CloudWatch Logs: of failed tasks (default), of all, of none. */
  readonly logs?: "failed" | "all" | "none";
  /** The log groups of your tasks, as a pattern (default: /ecs/*); reading is allowed from these only. */
  readonly logGroups?: string;
  /** GetLogEvents calls a second of each copy of the function or of each worker (default: 3). */
  readonly logsRate?: number;
  /** "none" where sidecars or agents send the containers' spans, for a span has one owner. */
  readonly containers?: "all" | "none";
  /** SNS topic that is told of tasks and deployments that failed; otherwise nobody is. */
  readonly notifyTopicArn?: string;
  /** SNS topic that is told by the alarms; otherwise they tell nobody. */
  readonly alarmTopicArn?: string;
}

export interface EcspanLambdaProps extends EcspanProps {
  /** Path of the zip that examples/deploy/lambda-zip.sh makes. */
  readonly zip: string;
  /** The one that the binary in the zip was built for (default: x86_64). */
  readonly architecture?: "x86_64" | "arm64";
  /** How many copies of the function run at once at most (default: 2, the least that Lambda allows). */
  readonly maximumConcurrency?: number;
  /** Subnets from which the receiver is reached, when it is in a VPC; they need a NAT gateway, or endpoints for logs, ecs and xray. */
  readonly subnetIds?: string[];
  /** Security groups of the function in these subnets. */
  readonly securityGroupIds?: string[];
}

export interface EcspanWorkersProps extends EcspanProps {
  /** Name of the cluster in which the workers run. */
  readonly cluster: string;
  /** The image that the Dockerfile makes. */
  readonly image: string;
  /** Subnets of the workers. */
  readonly subnets: string[];
  /** Security groups of the workers; they must allow HTTPS and the OTLP port outwards, and nothing inwards. */
  readonly securityGroups: string[];
  /** In public subnets, so that AWS and the image are reached without a NAT gateway. */
  readonly assignPublicIp?: boolean;
  /** The one that the image was built for (default: X86_64). */
  readonly architecture?: "X86_64" | "ARM64";
  /** As many workers run at most (default: 4). */
  readonly maximumWorkers?: number;
}

function isGiven(value: string | string[] | undefined): boolean {
  return value !== undefined && value.length > 0;
}

/** What both constructs have. */
abstract class Ecspan extends Construct {
  /** The template's resources, by their names there. */
  public readonly template: CfnInclude;
  /** The queue of events; a task can be sent there by hand. */
  public readonly queue: CfnQueue;
  /** The queue of what could not be exported. */
  public readonly deadLetters: CfnQueue;

  constructor(scope: Construct, id: string, file: string, props: EcspanProps, parameters: Record<string, unknown>, conditions: Record<string, boolean> = {}) {
    super(scope, id);
    const to = props.to ?? ["otlp"];
    if (to.length === 0) {
      throw new Error("to: otlp, xray, or both");
    }
    if (to.includes("otlp") && !props.otlpEndpoint) {
      throw new Error('otlpEndpoint is needed unless to is ["xray"]');
    }
    const all: Record<string, unknown> = {
      To: [...to].sort().join(","),
      OtlpEndpoint: props.otlpEndpoint,
      OtlpHeadersSecretArn: props.otlpHeadersSecretArn,
      OnlyCluster: props.onlyCluster,
      Services: props.services?.join(","),
      OnlyFailed: props.onlyFailed === undefined ? undefined : String(props.onlyFailed),
      SlowerThan: props.slowerThan,
      Deployments: props.deployments === undefined ? undefined : props.deployments ? "on" : "off",
      Logs: props.logs,
      LogGroups: props.logGroups,
      LogsRate: props.logsRate,
      Containers: props.containers,
      NotifyTopicArn: props.notifyTopicArn,
      AlarmTopicArn: props.alarmTopicArn,
      ...parameters,
    };
    this.template = new CfnInclude(this, "Template", {
      templateFile: path.join(__dirname, "../../../examples/deploy", file),
      // Others may have a Queue, too.
      preserveLogicalIds: false,
      parameters: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
    });
    // The template's conditions compare its parameters with texts. What is given may be known at deploy only, as a subnet of the
    // same app is, and that CloudFormation takes in no condition and no rule; but whether it is given is known here.
    const met: Record<string, boolean> = {
      HasOnlyCluster: isGiven(props.onlyCluster),
      HasOtlpEndpoint: isGiven(props.otlpEndpoint),
      HasOtlpHeaders: isGiven(props.otlpHeadersSecretArn),
      HasServices: isGiven(props.services),
      HasSlowerThan: isGiven(props.slowerThan),
      HasNotifyTopic: isGiven(props.notifyTopicArn),
      HasAlarmTopic: isGiven(props.alarmTopicArn),
      IsOnlyFailed: props.onlyFailed === true,
      ReadsDeployments: props.deployments !== false,
      ReadsLogs: props.logs !== "none",
      SendsToXRay: to.includes("xray"),
      ...conditions,
    };
    for (const [name, is] of Object.entries(met)) {
      this.template.getCondition(name).expression = Fn.conditionEquals(String(is), "true");
    }
    const rule = this.template.getRule("AReceiverIsNamed"); // said above, and earlier
    rule.node.scope?.node.tryRemoveChild(rule.node.id);
    this.queue = this.template.getResource("Queue") as CfnQueue;
    this.deadLetters = this.template.getResource("DeadLetters") as CfnQueue;
  }
}

/** Every task, always, without a server: EventBridge -> SQS -> ecspan as a Lambda function. */
export class EcspanLambda extends Ecspan {
  /** The function's role. */
  public readonly role: CfnRole;

  constructor(scope: Construct, id: string, props: EcspanLambdaProps) {
    const parameters = {
      Architecture: props.architecture,
      MaximumConcurrency: props.maximumConcurrency,
      SubnetIds: props.subnetIds,
      SecurityGroupIds: props.securityGroupIds,
    };
    super(scope, id, "lambda.yaml", props, parameters, { IsInVpc: isGiven(props.subnetIds) });
    const zip = new Asset(this, "Zip", { path: props.zip });
    const made = this.template.getResource("Function") as CfnFunction;
    made.codeUri = { bucket: zip.s3BucketName, key: zip.s3ObjectKey };
    this.role = this.template.getResource("Role") as CfnRole;
  }
}

/** Every task, always, from workers: EventBridge -> SQS -> `ecspan worker` as a service on Fargate. */
export class EcspanWorkers extends Ecspan {
  /** The task role. */
  public readonly role: CfnRole;

  constructor(scope: Construct, id: string, props: EcspanWorkersProps) {
    super(scope, id, "workers.yaml", props, {
      Cluster: props.cluster,
      Image: props.image,
      Subnets: props.subnets,
      SecurityGroups: props.securityGroups,
      AssignPublicIp: props.assignPublicIp === undefined ? undefined : props.assignPublicIp ? "ENABLED" : "DISABLED",
      Architecture: props.architecture,
      MaximumWorkers: props.maximumWorkers,
    });
    this.role = this.template.getResource("TaskRole") as CfnRole;
  }
}
