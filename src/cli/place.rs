//! Where AWS is asked: clusters and services may be given with their region, and must not be given twice. Main function: [`settle`].

use std::path::Path;

use ecspan::source::cluster::ClusterTarget;
use ecspan::source::target::ServiceTarget;

use super::args::{Cli, Command, LATEST, SelectArgs};
use super::problem::Problem;

/// Gives clusters and services the names that AWS knows them by, and the region the one that they are in.
pub(super) fn settle(cli: &mut Cli) -> Result<(), Problem> {
    let region = &mut cli.global.region;
    match &mut cli.command {
        // A file is told by ls itself.
        Command::Ls(args) if args.cluster_name.as_deref().is_some_and(|name| Path::new(name).is_file()) => Ok(()),
        Command::Ls(args) => {
            if let Some(named) = args.cluster_name.take() {
                agree(args.select.cluster.as_deref(), &named)?;
                args.select.cluster = Some(named);
            }
            selectors(&mut args.select, region)
        }
        Command::Show(args) => selectors(&mut args.tasks.select, region),
        Command::Export(args) => selectors(&mut args.tasks.select, region),
        Command::Record(args) => selectors(&mut args.tasks.select, region),
        Command::Stats(args) => selectors(&mut args.select, region),
        Command::Doctor(args) => cluster(&mut args.cluster, region),
        Command::Deploy(args) => {
            let service = args.service.as_deref().and_then(ServiceTarget::parse).unwrap_or_default();
            if let Some(of_service) = service.cluster {
                agree(args.cluster.as_deref(), &of_service)?;
            }
            if let Some(meant) = service.deployment {
                is_meant(&args.deployment, &meant)?;
                args.deployment = meant;
            }
            cluster(&mut args.cluster, region)
        }
        _ => Ok(()),
    }
}

fn selectors(select: &mut SelectArgs, region: &mut Option<String>) -> Result<(), Problem> {
    if let Some(typed) = &select.service
        && let Some(target) = ServiceTarget::parse(typed)
    {
        if let Some(of_service) = target.cluster {
            agree(select.cluster.as_deref(), &of_service)?;
            select.cluster.get_or_insert(of_service);
        }
        is_in(region, typed, target.region)?;
        select.service = Some(target.service);
    }
    if let Some(typed) = select.family.as_deref().filter(|family| family.contains(':')) {
        let name = typed.rsplit('/').next().and_then(|name| name.split(':').next()).unwrap_or_default();
        return Err(Problem::usage(format!("--family {typed}: a family has a name alone, without a revision"))
            .hint(format!("--family {name}")));
    }
    cluster(&mut select.cluster, region)
}

fn cluster(typed: &mut Option<String>, region: &mut Option<String>) -> Result<(), Problem> {
    let Some(typed) = typed else { return Ok(()) };
    let target = ClusterTarget::parse(typed).map_err(|error| Problem::misuse(&error))?;
    is_in(region, typed, target.region)?;
    *typed = target.cluster;
    Ok(())
}

/// What was typed is in a region, which is asked then.
fn is_in(region: &mut Option<String>, typed: &str, own: Option<String>) -> Result<(), Problem> {
    match (region.as_ref(), own) {
        (Some(region), Some(own)) if *region != own => {
            Err(Problem::usage(format!("--region is {region}, and {typed} is in {own}")))
        }
        (None, Some(own)) => {
            *region = Some(own);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whoever names a cluster twice may mean either, unless it is the same.
fn agree(flag: Option<&str>, other: &str) -> Result<(), Problem> {
    let name = |text: &str| ClusterTarget::parse(text).ok()?.cluster.rsplit('/').next().map(str::to_owned);
    match flag {
        Some(flag) if name(flag) != name(other) => {
            Err(Problem::usage(format!("--cluster is {flag}, and {other} is named as well: which one is meant?")))
        }
        _ => Ok(()),
    }
}

/// The address or the ARN of a deployment means that one: another flag than the default would be a second.
fn is_meant(flag: &str, meant: &str) -> Result<(), Problem> {
    let id = |text: &str| text.rsplit('/').next().map(str::to_owned);
    if flag == LATEST || id(flag) == id(meant) {
        return Ok(());
    }
    Err(Problem::usage(format!("--deployment is {flag}, and {meant} is named as well: which one is meant?")))
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
    fn a_service_says_where_it_is() {
        for service in [
            "prod/web",
            "arn:aws:ecs:eu-west-1:1:service/prod/web",
            "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/health",
        ] {
            let (region, cli) = settled(&format!("ecspan ls --service {service}")).unwrap();
            let Command::Ls(args) = &cli.command else { panic!("{cli:?}") };
            let selected = (args.select.cluster.as_deref(), args.select.service.as_deref());
            assert_eq!(selected, (Some("prod"), Some("web")), "{service}");
            assert_eq!(region.is_some(), service.contains("eu-west-1"), "{service}");
        }
        for family in ["web:7", "arn:aws:ecs:eu-west-1:1:task-definition/web:7"] {
            let error = settled(&format!("ecspan ls prod --family {family}")).unwrap_err();
            assert!(error.contains("without a revision") && error.contains("\"--family web\""), "{error}");
        }
    }

    #[test]
    fn a_deployment_may_be_named_by_its_own_arn_or_address() {
        let arn = "arn:aws:ecs:eu-west-1:1:service-deployment/prod/web/NCWGC2ZR-taawPAYrIaU5";
        let url = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/deployments/NCWGC2ZR-taawPAYrIaU5";
        for (typed, meant) in [(arn, arn), (url, "NCWGC2ZR-taawPAYrIaU5")] {
            for more in ["", " --deployment NCWGC2ZR-taawPAYrIaU5"] {
                let (_, cli) = settled(&format!("ecspan deploy {typed}{more}")).unwrap();
                let Command::Deploy(args) = &cli.command else { panic!("{cli:?}") };
                assert_eq!(args.deployment, meant);
            }
            let error = settled(&format!("ecspan deploy {typed} --deployment previous")).unwrap_err();
            assert!(error.contains("--deployment is previous") && error.contains("which one is meant"), "{error}");
        }
    }

    #[test]
    fn two_clusters_are_not_chosen_from() {
        for line in ["ls prod --cluster staging", "deploy prod/web --cluster staging", "ls prod --service staging/web"]
        {
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
