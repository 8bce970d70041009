//! Builds of pushes and pull requests, measured against the budgets: `cargo bench -p e2e -- [--quick] [--only <row>]…`
//!
//! Every row gets a control plane of its own and the release binaries of all programs, each under its own rights. What
//! a user sees is timed by watches of this process, as objects' own timestamps have whole seconds; requests are counted
//! in the audit log from the first build on.
//!
//! * Pushes arrive, are signed, tested by the stand-in Tekton and released.
//! * Pull requests (`pull-…`) get the name of their PR group and a Snapshot, and are let go: each with a group of its
//!   own, or three that belong together and overlap.
//! * The last row (`history`) starts the programs on a cluster full of finished work.
//!
//! How it is made:
//!
//! * `tenants`: what is in the cluster, and which build comes next; `fleet`: the programs;
//! * `load`: builds arriving, for one row; `builds`: each of them; `history`: the row with a past;
//! * `measure`: watches and what follows from them; `requests`: the audit log by program, verb and kind;
//! * `budget`: budgets and the reference's figures; `report`: the table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench: a broken expectation should end it"
)]

mod budget;
mod builds;
mod fleet;
mod history;
mod load;
mod measure;
mod report;
mod requests;
mod tenants;

use std::process::ExitCode;

use anyhow::{Result, bail};
use e2e::process::progress;

use builds::Kind;
use load::{Arrivals, Load};
use report::Report;
use tenants::Model;

/// A row: its name for `--only`, and what it is.
enum Row {
    Load(Load),
    History,
}

/// What the command line asks for.
struct Options {
    quick: bool,
    only: Vec<String>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts benches too, without this argument; nobody wants a measurement then.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measurements run with `cargo bench -p e2e`");
        return ExitCode::SUCCESS;
    }
    match options(std::env::args().skip(1)) {
        Ok(options) => match measure(&options).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:?}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &Options) -> Result<()> {
    let rows = chosen(options)?;
    fleet::compile().await?;
    let mut report = Report::new(options.quick);
    let mut result = Ok(());
    for row in rows {
        result = add(&mut report, row, options.quick).await;
        if result.is_err() {
            break;
        }
    }
    // What was measured before a row failed is worth showing.
    println!("{report}");
    result
}

async fn add(report: &mut Report, row: Row, quick: bool) -> Result<()> {
    match row {
        Row::Load(load) => {
            let load = if quick { load.tenth() } else { load };
            progress(&format!("{}: {} builds", load.name, load.builds));
            report.add_load(&load::run(&load).await?);
        }
        Row::History => {
            let size = if quick { history::Size::FULL.tenth() } else { history::Size::FULL };
            progress(&format!("{HISTORY}: {} finished builds", size.builds));
            report.add_history(&history::run(&size).await?);
        }
    }
    Ok(())
}

/// Name of the row with a past.
const HISTORY: &str = "history";

/// All rows, in the order of the table.
fn rows() -> Vec<(&'static str, Row)> {
    let open = |name, model, per_second: u32, builds, test_seconds| Load {
        name,
        model,
        kind: Kind::Push { test_seconds },
        arrivals: Arrivals::PerSecond(per_second),
        builds,
    };
    let burst = |name, test_seconds| Load {
        name,
        model: Model::Application,
        kind: Kind::Push { test_seconds },
        arrivals: Arrivals::InFlight(50),
        builds: 200,
    };
    let pull = |name, group, arrivals, builds| Load {
        name,
        model: Model::Application,
        kind: Kind::PullRequest { group },
        arrivals,
        builds,
    };
    let mut rows: Vec<_> = [
        open("1/s-5s", Model::Application, 1, 40, 5),
        open("3/s-5s", Model::Application, 3, 180, 5),
        open("5/s-5s", Model::Application, 5, 200, 5),
        burst("burst-5s", 5),
        open("1/s-0s", Model::Application, 1, 40, 0),
        open("3/s-0s", Model::Application, 3, 135, 0),
        open("5/s-0s", Model::Application, 5, 200, 0),
        burst("burst-0s", 0),
        open("group-3/s-5s", Model::ComponentGroup, 3, 135, 5),
        pull("pull-3/s", 1, Arrivals::PerSecond(3), 180),
        pull("pull-burst", 1, Arrivals::InFlight(50), 200),
        pull("pull-group-of-3", 3, Arrivals::PerSecond(1), 180),
    ]
    .into_iter()
    .map(|load| (load.name, Row::Load(load)))
    .collect();
    rows.push((HISTORY, Row::History));
    rows
}

fn chosen(options: &Options) -> Result<Vec<Row>> {
    let rows = rows();
    let names: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = options.only.iter().find(|only| !names.contains(&only.as_str())) {
        bail!("there is no row {unknown}; there are {}", names.join(", "));
    }
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    Ok(rows.into_iter().filter(|(name, _)| wanted(name)).map(|(_, row)| row).collect())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { quick: false, only: Vec::new() };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--quick" => options.quick = true,
            "--only" => match arguments.next() {
                Some(row) => options.only.push(row),
                None => bail!("--only needs the name of a row"),
            },
            other => bail!("unknown option {other}; there are --quick and --only <row>"),
        }
    }
    Ok(options)
}
