//! `ecspan doctor`: whether an export would find everything that it needs, a line for each thing.

use std::time::Duration;

use ecspan::Hint;
use ecspan::model::duration;
use ecspan::render::Style;
use ecspan::sink::{Destination, read_waiting};
use ecspan::source::aws::{Aws, AwsError};
use ecspan::source::probe::{self, Skew};

use super::args::{DoctorArgs, Global, LogsAs};
use super::closing::count;
use super::exit::Exit;
use super::problem::Problem;
use super::style::plain_style;
use super::{destinations, signals, stdout, tasks, terminal};

/// A clock that is wrong by less is right enough: AWS refuses signatures from five minutes on.
const TOLERATED: Duration = Duration::from_secs(60);

pub(super) async fn run(global: &Global, args: &DoctorArgs) -> Result<Exit, Problem> {
    let mut doctor = Doctor { style: plain_style(global, None, false), all_is_well: true };
    tokio::select! {
        result = doctor.look(global, args) => result?,
        () = signals::wait() => return Ok(signals::received().unwrap_or(Exit::Interrupted)),
    }
    Ok(if doctor.all_is_well { Exit::Success } else { Exit::Failed })
}

struct Doctor {
    style: Style,
    all_is_well: bool,
}

impl Doctor {
    async fn look(&mut self, global: &Global, args: &DoctorArgs) -> Result<(), Problem> {
        let aws = tasks::aws(global).await;
        let records = matches!(args.logs_as, LogsAs::Records | LogsAs::Both);
        // What makes no sense is known before anybody is asked.
        let receivers = destinations::open_all(&args.to, &args.delivery.otlp, Some(&aws), records, Destination::open)?;
        if args.no_aws {
            self.skip("AWS", "not asked: --no-aws")?;
        } else {
            self.aws(&aws, args.cluster.as_deref()).await?;
        }
        for receiver in receivers {
            match receiver.probe().await {
                Ok(says) => {
                    let says = if says.is_empty() { says } else { format!("; it says: {says}") };
                    self.ok("receiver", &format!("{} takes {}s{says}", receiver.name(), receiver.signal().noun()))?;
                }
                Err(reason) => self.bad("receiver", &format!("{}: {reason}", receiver.name()), reason.hint())?,
            }
        }
        self.waiting(args)
    }

    async fn aws(&mut self, aws: &Aws, cluster: Option<&str>) -> Result<(), Problem> {
        if let Some(problem) = aws.problem() {
            self.refused("settings", problem)?;
            return self.skip("credentials, clock, actions", "not tried: AWS's settings make no sense");
        }
        let (identity, skew) = probe::identity(aws).await;
        let region = match aws.region(None) {
            Ok(region) => self.ok("region", region.as_ref()).map(|()| true)?,
            Err(error) => self.refused("region", &error).map(|()| false)?,
        };
        if !region {
            return self.skip("credentials, clock, actions", "not tried: without a region nobody can be asked");
        }
        let is_known = match &identity {
            Ok(identity) => {
                self.ok("credentials", &format!("{} of account {}", identity.arn, identity.account)).map(|()| true)?
            }
            Err(error) => self.refused("credentials", error).map(|()| false)?,
        };
        if let Some(skew) = skew {
            self.clock(skew)?;
        }
        // Without credentials every answer would be the same.
        if !is_known {
            return self.skip("actions", "not tried: without credentials every answer would be the same");
        }
        let probes = probe::permissions(aws, cluster).await.map_err(|error| tasks::aws_problem(&error))?;
        for probe in probes {
            match (&probe.result, probe.only_for) {
                (Ok(()), _) if probe.is_unknown => {
                    self.skip(probe.action, "AWS has no such call here: deploy goes by DescribeServices alone")?;
                }
                (Ok(()), _) => self.ok(probe.action, &format!("allowed on {}", probe.on))?,
                // An export does without.
                (Err(error), Some(only_for)) => {
                    self.say("note", probe.action, &format!("only for {only_for}: {error}"))?;
                    error.hint().map_or(Ok(()), |hint| self.hint(&hint))?;
                }
                (Err(error), None) => self.refused(probe.action, error)?,
            }
        }
        Ok(())
    }

    fn clock(&mut self, Skew { by, is_ahead }: Skew) -> Result<(), Problem> {
        let direction = if is_ahead { "ahead of" } else { "behind" };
        let found = format!("{} {direction} AWS's", duration::short(by));
        if by < TOLERATED {
            return self.ok("clock", if by < Duration::from_secs(2) { "as AWS's" } else { &found });
        }
        let hint = "set this machine's clock (NTP): AWS refuses requests when it is five minutes off, and times of tasks shift";
        self.bad("clock", &found, Some(hint.to_owned()))
    }

    fn waiting(&mut self, args: &DoctorArgs) -> Result<(), Problem> {
        let Some(folder) = destinations::undelivered(&args.delivery) else {
            return self.ok("undelivered", "kept nowhere: --undelivered none");
        };
        let place = folder.path().display();
        let files = match folder.files() {
            Ok(files) => files,
            Err(error) => {
                let hint = "--undelivered DIR names another folder".to_owned();
                return self.bad("undelivered", &format!("failed to list {place}: {error}"), Some(hint));
            }
        };
        let (mut requests, mut items) = (0, 0);
        for file in &files {
            for line in read_waiting(file).into_iter().flatten() {
                requests += 1;
                items += line.map_or(0, |waiting| waiting.request.items());
            }
        }
        if requests == 0 {
            return self.ok("undelivered", &format!("nothing waits in {place}"));
        }
        let found = format!("{} with {items} spans or log records in {place}", count(requests, "request"));
        // What waits from before says nothing of whether the next export would go well.
        self.say("note", "undelivered", &found)?;
        self.hint("ecspan resend sends them; with --partial also those that a receiver did not take whole")
    }

    fn refused(&mut self, what: &str, error: &AwsError) -> Result<(), Problem> {
        self.bad(what, &error.to_string(), error.hint())
    }

    fn ok(&self, what: &str, found: &str) -> Result<(), Problem> {
        self.say("ok", what, found)
    }

    /// What was not tried is not well, nor is it bad.
    fn skip(&self, what: &str, why: &str) -> Result<(), Problem> {
        self.say("skip", what, why)
    }

    fn bad(&mut self, what: &str, found: &str, hint: Option<String>) -> Result<(), Problem> {
        self.all_is_well = false;
        self.say("bad", what, found)?;
        hint.map_or(Ok(()), |hint| self.hint(&hint))
    }

    fn hint(&self, hint: &str) -> Result<(), Problem> {
        self.say("", "", &format!("→ {hint}"))
    }

    fn say(&self, status: &str, what: &str, found: &str) -> Result<(), Problem> {
        use ecspan::render::{beside, escape::text};
        let found = if self.style.unicode { found.to_owned() } else { found.replace('→', "->") };
        let mark = format!("{status:<4}  {what:<30}  ");
        // A line each for whoever reads a pipe.
        stdout::print(
            &terminal::own_width()
                .map_or_else(|| format!("{mark}{}\n", text(&found)), |width| beside(&mark, &found, width)),
        )?;
        Ok(())
    }
}
