//! Where AWS is asked: a cluster may be given with its region, and must not be given twice. Main function: [`settle`].

use ecspan::source::cluster::ClusterTarget;
use ecspan::source::target::ServiceTarget;

use super::args::{Cli, Command, LsArgs};
use super::problem::Problem;

/// Gives clusters the names that AWS knows them by, and the region the one that they are in.
pub(super) fn settle(cli: &mut Cli) -> Result<(), Problem> {
    let cluster = match &mut cli.command {
        Command::Ls(args) => in_ls(args)?,
        Command::Show(args) => &mut args.tasks.select.cluster,
        Command::Export(args) => &mut args.tasks.select.cluster,
        Command::Record(args) => &mut args.tasks.select.cluster,
        Command::Stats(args) => &mut args.select.cluster,
        Command::Doctor(args) => &mut args.cluster,
        Command::Deploy(args) => {
            let of_service = args.service.as_deref().and_then(ServiceTarget::parse).and_then(|service| service.cluster);
            differ(args.cluster.as_deref(), of_service.as_deref())?;
            &mut args.cluster
        }
        _ => return Ok(()),
    };
    let Some(typed) = cluster else { return Ok(()) };
    let target = ClusterTarget::parse(typed).map_err(|error| Problem::misuse(&error))?;
    match (&cli.global.region, target.region) {
        (Some(region), Some(own)) if *region != own => {
            return Err(Problem::usage(format!("--region is {region}, and {typed} is in {own}")));
        }
        (None, Some(own)) => cli.global.region = Some(own),
        _ => {}
    }
    *typed = target.cluster;
    Ok(())
}

/// The cluster of `ls`, which has two places for it.
fn in_ls(args: &mut LsArgs) -> Result<&mut Option<String>, Problem> {
    // A file is told by ls itself.
    if args.cluster_name.as_deref().is_some_and(|name| std::path::Path::new(name).is_file()) {
        return Ok(&mut args.select.cluster);
    }
    differ(args.select.cluster.as_deref(), args.cluster_name.as_deref())?;
    Ok(if args.cluster_name.is_some() { &mut args.cluster_name } else { &mut args.select.cluster })
}

fn differ(flag: Option<&str>, other: Option<&str>) -> Result<(), Problem> {
    let name = |text: &str| ClusterTarget::parse(text).ok()?.cluster.rsplit('/').next().map(str::to_owned);
    match (flag, other) {
        (Some(flag), Some(other)) if name(flag) != name(other) => {
            Err(Problem::usage(format!("--cluster is {flag}, and {other} is named as well: which one is meant?")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    fn settled(line: &str) -> Result<(Option<String>, Cli), String> {
        let mut cli = Cli::try_parse_from(line.split(' ')).unwrap();
        settle(&mut cli).map_err(|problem| format!("{problem:?}"))?;
        Ok((cli.global.region.clone(), cli))
    }

    #[test]
    fn the_region_is_the_clusters() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod";
        for line in [
            "ls",
            "ls --cluster",
            "show 84b599 --cluster",
            "doctor --cluster",
            "deploy web --cluster",
            "stats --cluster",
        ] {
            let (region, _) = settled(&format!("ecspan {line} {arn}")).unwrap();
            assert_eq!(region.as_deref(), Some("eu-west-1"), "{line}");
        }
        let url = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services";
        let (region, cli) = settled(&format!("ecspan export 84b599 --cluster {url}")).unwrap();
        let Command::Export(args) = &cli.command else { panic!("{cli:?}") };
        assert_eq!((region.as_deref(), args.tasks.select.cluster.as_deref()), (Some("eu-west-1"), Some("prod")));
        assert_eq!(settled("ecspan ls prod --region us-east-1").unwrap().0.as_deref(), Some("us-east-1"));
        assert!(settled(&format!("ecspan ls {arn} --region us-east-1")).unwrap_err().contains("is in eu-west-1"));
    }

    #[test]
    fn two_clusters_are_not_chosen_from() {
        for line in ["ls prod --cluster staging", "deploy prod/web --cluster staging"] {
            assert!(settled(&format!("ecspan {line}")).unwrap_err().contains("staging"), "{line}");
        }
        for line in [
            "ls prod --cluster prod",
            "deploy prod/web --cluster arn:aws:ecs:eu-west-1:1:cluster/prod",
            "deploy web --cluster prod",
        ] {
            assert!(settled(&format!("ecspan {line}")).is_ok(), "{line}");
        }
    }
}
