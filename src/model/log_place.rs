//! Where in CloudWatch Logs a container's lines are, as far as the options of its log driver decide it. Pure.

use super::firelens;
use super::log_config::{LogConfig, LogPlace};
use super::observation::TaskRecord;

impl LogConfig {
    /// Where a container's lines go in CloudWatch Logs, as far as the options decide it: the `awslogs` driver, or a
    /// FireLens router with one of the CloudWatch plug-ins.
    pub fn place(&self, task: &TaskRecord, container: &str) -> Option<LogPlace> {
        self.places(task, container).into_iter().next()
    }

    /// Where they may be: first where they should, then where a router puts what it cannot fill in.
    pub fn places(&self, task: &TaskRecord, container: &str) -> Vec<LogPlace> {
        match self.driver.as_str() {
            "awslogs" => self.of_awslogs(task, container).into_iter().collect(),
            _ if self.is_firelens() => firelens::places(self, task, container),
            _ => vec![],
        }
    }

    fn of_awslogs(&self, task: &TaskRecord, container: &str) -> Option<LogPlace> {
        let owned = |name: &str| self.option(name).map(str::to_owned);
        let prefixed =
            || self.option("awslogs-stream-prefix").map(|prefix| format!("{prefix}/{container}/{}", task.id));
        let of_runtime = || task.runtime_id(container).map(str::to_owned);
        let stream = owned("awslogs-stream").or_else(prefixed).or_else(of_runtime)?;
        Some(LogPlace { region: owned("awslogs-region"), group: owned("awslogs-group")?, stream })
    }
}
