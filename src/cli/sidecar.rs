//! `ecspan sidecar`: from the arguments to the engine [`ecspan::run::sidecar`].

use ecspan::run::sidecar::{self, Health, SidecarConfig};
use ecspan::source::endpoint::MetadataEndpoint;
use ecspan::trace::TraceOptions;

use super::args::{Global, SidecarArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::{closing, destinations, env, notices, options, signals};

const HEALTH_FILE: &str = "ecspan-sidecar.health";

pub(super) async fn run(global: &Global, args: &SidecarArgs) -> Result<Exit, Problem> {
    let health_file = args.health_file.clone().unwrap_or_else(|| std::env::temp_dir().join(HEALTH_FILE));
    if args.health {
        return match sidecar::health(&health_file, super::now()) {
            Health::Well => Ok(Exit::Success),
            Health::Stale(age) => {
                let error = format!("the last answer of the metadata endpoint was {} s ago", age.as_secs());
                Err(Problem::failed(error))
            }
            Health::Unknown => {
                let hint =
                    "it is written after each answer of the metadata endpoint; --health-file names another place";
                let error = format!("no sidecar has written {}", health_file.display());
                Err(Problem::failed(error).hint(hint.to_owned()))
            }
        };
    }
    let config = SidecarConfig {
        options: TraceOptions {
            standalone: args.standalone,
            service_name: options::named_service(args.service_name.as_deref())?,
            base_attributes: env::resource_attributes(),
            ..TraceOptions::default()
        },
        stop_timeout: args.stop_timeout,
        health_file,
        endpoint: MetadataEndpoint::from_env(env::get).map_err(|error| Problem::misuse(&error))?,
        destinations: destinations::open_for(global, &args.to, &args.delivery).await?,
        clock: super::now,
    };
    let watched = sidecar::run(config, signals::stop(), notices::for_a_person()).await;
    Ok(closing::watched(&watched))
}
