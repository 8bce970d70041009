//! The table: a figure a line, its budget, whether it is kept, and the reference's figure.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use e2e::process::Usage;

use crate::budget::{self, Budget, Requests, Times};
use crate::builds::Kind;
use crate::fleet::Used;
use crate::history::Started;
use crate::load::{Arrivals, Load, Measured};
use crate::measure::Latencies;
use crate::requests::Counts;

use table::{Kept, Line, Table};

/// Fewest characters of a column of requests.
const MIN_WIDTH: usize = 8;

/// All that was measured.
pub struct Report {
    machine: String,
    quick: bool,
    table: Table,
    /// Rows, how much arrived in them, and the requests.
    requests: Vec<(&'static str, usize, Counts)>,
}

impl Report {
    /// Nothing yet, on this machine.
    pub fn new(quick: bool) -> Self {
        Self { machine: machine(), quick, table: Table::default(), requests: Vec::new() }
    }

    /// Adds a row with builds.
    pub fn add_load(&mut self, measured: &Measured) {
        let load = measured.load;
        self.table.begin(&title(&load));
        let budget = Budget::of(&load);
        self.add_outcome(measured, &budget);
        self.add_requests(measured, &budget);
        self.add_idle(&measured.idle);
        self.add_usage(measured, &budget);
        self.requests.push((load.name, load.count(), measured.requests.clone()));
    }

    /// Adds the row with a past.
    pub fn add_history(&mut self, started: &Started) {
        let size = started.size;
        self.table.begin(&format!(
            "history: start on {} finished builds, {} tests, {} Snapshots of {} components",
            size.builds,
            size.builds * 2,
            size.builds,
            size.components
        ));
        self.add_idle(&started.idle);
        let idle = sum(&started.idle, |usage| usage.rss_kib);
        self.table.add(Line::new("memory idle, sum", mib_text(idle)).at_most(idle, budget::ALL_MIB, "MiB"));
        let peak = self.add_peak(&started.idle);
        self.table.add(
            Line::new("memory peak, sum", mib_text(peak))
                .at_most(peak, budget::ALL_MIB, "MiB")
                .reference(budget::REFERENCE_PEAK),
        );
        let writes = started.requests.mutating + started.requests.events;
        self.table.add(
            Line::new("writes at start", writes.to_string()).none(writes).reference(budget::REFERENCE_START_WRITES),
        );
        let (lists, reads) = (started.requests.of_verb("list"), started.requests.reads);
        self.table.add(Line::new("reads at start", format!("{lists} lists, {} others", reads - lists)));
        self.table.add(Line::new("until all programs work", time(started.ready)));
        self.table.add(Line::new("CPU until idle, each program", programs(&started.idle, "s", cpu_text)));

        let first = &started.first;
        let builds = first.load.builds;
        self.table.begin(&format!("history: the first {builds} builds after the start, 1 a second, tests of 5 s"));
        let budget = Budget { reference_snapshot: budget::REFERENCE_FIRST_BUILDS, ..Budget::of(&first.load) };
        self.add_outcome(first, &budget);
        self.add_usage(first, &budget);
        self.requests.push(("start", 1, started.requests.clone()));
        self.requests.push(("first", builds, first.requests.clone()));
    }

    fn add_outcome(&mut self, measured: &Measured, budget: &Budget) {
        let outcome = &measured.outcome;
        let line = |name, latencies: &Latencies, times: Times| {
            Line::new(name, percentiles(latencies)).budget(times_text(times), kept(latencies, times))
        };
        self.table.add(
            line("signed → Snapshot", &outcome.to_snapshot, budget.to_snapshot).reference(budget.reference_snapshot),
        );
        let (twice, lost) = (outcome.duplicates, outcome.lost);
        let (duplicates_text, lost_text) = match measured.load.kind {
            Kind::Push { .. } => {
                self.table.add(
                    line("last test → verdict", &outcome.to_verdict, budget.to_verdict)
                        .reference(budget.reference_verdict),
                );
                self.table.add(line("last test → Release", &outcome.to_release, budget.to_release));
                (
                    format!("{} PipelineRuns, {} Releases, {} Snapshots", twice.runs, twice.releases, twice.snapshots),
                    format!("{} Snapshots, {} verdicts, {} Releases", lost.snapshots, lost.verdicts, lost.releases),
                )
            }
            Kind::PullRequest { .. } => {
                self.table.add(line("created → PR group", &outcome.to_group, Times::default()));
                (
                    format!("{} Snapshots", twice.snapshots),
                    format!("{} Snapshots, {} PR groups, {} still held", lost.snapshots, lost.groups, lost.held),
                )
            }
        };
        self.table
            .add(Line::new("duplicates", duplicates_text).none(twice.sum()).reference(budget.reference_duplicates));
        self.table.add(Line::new("lost", lost_text).none(lost.sum()).reference(budget.reference_lost));
        if outcome.waited + outcome.superseded > 0 {
            self.table.add(Line::new(
                "newer Snapshot of the component",
                format!("{} Releases waited, {} superseded", outcome.waited, outcome.superseded),
            ));
        }
        self.table.add(Line::new("delay of the bench itself", percentiles(&outcome.bench_delay)));
    }

    fn add_requests(&mut self, measured: &Measured, budget: &Budget) {
        let load = &measured.load;
        let [writes, events, reads] = if load.kind.together() > 1 {
            ["writes a PR group", "Events a PR group", "reads a PR group"]
        } else {
            ["writes a build", "Events a build", "reads a build"]
        };
        let limit = |of: fn(Requests) -> f64| budget.requests.map(of);
        for (name, count, limit, reference) in [
            (writes, measured.requests.mutating, limit(|most| most.mutating), budget.reference_requests),
            (events, measured.requests.events, limit(|most| most.events), ""),
            (reads, measured.requests.reads, limit(|most| most.reads), ""),
        ] {
            let figure = per_arrival(count, load.count());
            let line = Line::new(name, format!("{figure:.2}")).reference(reference);
            self.table.add(if let Some(limit) = limit { line.at_most(figure, limit, "") } else { line });
        }
    }

    fn add_idle(&mut self, idle: &[Used]) {
        let largest = idle.iter().map(|used| mib(used.usage.rss_kib)).fold(0.0, f64::max);
        let figures = programs(idle, "MiB", |used| format!("{:.1}", mib(used.usage.rss_kib)));
        self.table.add(Line::new("memory idle, each program", figures).at_most(largest, budget::IDLE_MIB, "MiB"));
    }

    /// Returns the sum, in MiB.
    fn add_peak(&mut self, used: &[Used]) -> f64 {
        let figures = programs(used, "MiB", |used| format!("{:.1}", mib(used.usage.peak_rss_kib)));
        self.table.add(Line::new("memory peak, each program", figures));
        sum(used, |usage| usage.peak_rss_kib)
    }

    fn add_usage(&mut self, measured: &Measured, budget: &Budget) {
        let peak = self.add_peak(&measured.used);
        self.table.add(Line::new("memory peak, sum", mib_text(peak)).reference(budget.reference_memory));
        let spent: Vec<Used> = measured.used.iter().zip(&measured.idle).map(|(used, idle)| used.since(idle)).collect();
        self.table.add(Line::new("CPU, each program", programs(&spent, "s", cpu_text)));
        self.table.add(Line::new("CPU, API server and etcd", format!("{:.1} s", measured.control_plane.as_secs_f64())));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", self.machine)?;
        writeln!(f, "Programs in order: {}. Times are p50 / p90 / p99.", crate::fleet::PROGRAMS.join(", "))?;
        if self.quick {
            writeln!(f, "A tenth of the load: this run checks the bench, not the programs.")?;
        }
        writeln!(f, "\n{}", self.table)?;
        self.write_requests(f)
    }
}

impl Report {
    /// Requests an arrival by program, verb and kind; a column a row.
    fn write_requests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what: BTreeSet<&(String, String)> =
            self.requests.iter().flat_map(|(_, _, counts)| counts.by_kind.keys()).collect();
        let mut by_program: BTreeMap<&str, Vec<&(String, String)>> = BTreeMap::new();
        for key in what {
            by_program.entry(&key.0).or_default().push(key);
        }
        write!(f, "{:<46}", "Requests a build, or PR group (start: in all)")?;
        for (name, ..) in &self.requests {
            write!(f, " {name:>MIN_WIDTH$}")?;
        }
        writeln!(f)?;
        for (program, keys) in by_program {
            writeln!(f, "{program}")?;
            for key in keys {
                write!(f, "  {:<44}", key.1)?;
                for (name, arrivals, counts) in &self.requests {
                    let width = name.len().max(MIN_WIDTH);
                    match counts.by_kind.get(key) {
                        Some(count) => write!(f, " {:>width$.2}", per_arrival(*count, *arrivals))?,
                        None => write!(f, " {:>width$}", "")?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

fn title(load: &Load) -> String {
    let what = match load.kind {
        Kind::Push { .. } => "builds".to_owned(),
        Kind::PullRequest { group: 1 } => "pull requests".to_owned(),
        Kind::PullRequest { group } => format!("groups of {group} pull requests"),
    };
    let arrivals = match load.arrivals {
        Arrivals::PerSecond(rate) => format!("{rate} {what} a second"),
        Arrivals::InFlight(count) => format!("{count} {what} in flight"),
    };
    let tests = match load.kind {
        Kind::Push { test_seconds } => format!(", tests of {test_seconds} s"),
        Kind::PullRequest { .. } => String::new(),
    };
    let Load { name, builds, model, .. } = load;
    format!("{name}: {arrivals}, {builds} builds{tests}, {model:?} model")
}

fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, key: &str| {
        text.lines()
            .find_map(|line| Some(line.strip_prefix(key)?.trim_start_matches([' ', '\t', ':']).to_owned()))
            .unwrap_or_else(|| "unknown".to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory: f64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    format!(
        "Machine: {cores} cores ({}), {:.0} GiB of memory, load {load} before the first row; \
         control plane, stand-in Tekton, builds and programs share it.",
        field(&read("/proc/cpuinfo"), "model name"),
        memory / 1024.0 / 1024.0
    )
}

fn percentiles(latencies: &Latencies) -> String {
    [50, 90, 99].map(|percent| latencies.percentile(percent).map_or_else(|| "–".to_owned(), time)).join(" / ")
}

fn times_text(times: Times) -> String {
    let limits = [("p50", times.p50), ("p99", times.p99)];
    let limits = limits.into_iter().filter_map(|(name, limit)| Some(format!("{name} {}", time(limit?))));
    limits.collect::<Vec<_>>().join(", ")
}

/// Whether both percentiles are within their limits; what was not measured is not kept.
fn kept(latencies: &Latencies, times: Times) -> Kept {
    let limits: Vec<(usize, Duration)> =
        [(50, times.p50), (99, times.p99)].into_iter().filter_map(|(percent, limit)| Some((percent, limit?))).collect();
    if limits.is_empty() {
        return Kept::NoBudget;
    }
    Kept::from(limits.iter().all(|(percent, limit)| latencies.percentile(*percent).is_some_and(|time| time <= *limit)))
}

fn time(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    if milliseconds < 1000.0 { format!("{milliseconds:.0} ms") } else { format!("{:.1} s", milliseconds / 1000.0) }
}

fn programs(used: &[Used], unit: &str, text: impl Fn(&Used) -> String) -> String {
    format!("{} {unit}", used.iter().map(text).collect::<Vec<_>>().join(" / "))
}

fn cpu_text(used: &Used) -> String {
    format!("{:.2}", used.usage.cpu.as_secs_f64())
}

fn mib_text(mib: f64) -> String {
    format!("{mib:.1} MiB")
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_arrival(count: usize, arrivals: usize) -> f64 {
    count as f64 / arrivals.max(1) as f64
}

/// In MiB.
fn sum(used: &[Used], kib: impl Fn(&Usage) -> u64) -> f64 {
    used.iter().map(|used| mib(kib(&used.usage))).sum()
}
