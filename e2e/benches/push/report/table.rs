//! Lines in columns.

use std::fmt;

/// Groups of lines.
#[derive(Default)]
pub(super) struct Table(Vec<(String, Vec<Line>)>);

/// A figure.
pub(super) struct Line {
    figure: &'static str,
    measured: String,
    budget: String,
    kept: Kept,
    reference: &'static str,
}

/// Whether a budget is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    NoBudget,
    Ok,
    Over,
}

impl Table {
    /// Begins a group.
    pub fn begin(&mut self, title: &str) {
        self.0.push((title.to_owned(), Vec::new()));
    }

    /// Adds a line to the last group.
    pub fn add(&mut self, line: Line) {
        if let Some((_, lines)) = self.0.last_mut() {
            lines.push(line);
        }
    }
}

impl Line {
    /// A figure without budget.
    pub fn new(figure: &'static str, measured: String) -> Self {
        Self { figure, measured, budget: String::new(), kept: Kept::NoBudget, reference: "" }
    }

    /// With a budget and whether it is kept.
    pub fn budget(mut self, budget: String, kept: Kept) -> Self {
        (self.budget, self.kept) = (budget, kept);
        self
    }

    /// With a budget it must not exceed.
    pub fn at_most(self, value: f64, limit: f64, unit: &str) -> Self {
        self.budget(format!("≤ {limit} {unit}").trim_end().to_owned(), Kept::from(value <= limit))
    }

    /// With a budget of none at all.
    pub fn none(self, count: usize) -> Self {
        self.budget("0".to_owned(), Kept::from(count == 0))
    }

    /// With the reference's figure.
    pub fn reference(mut self, reference: &'static str) -> Self {
        self.reference = reference;
        self
    }
}

impl From<bool> for Kept {
    fn from(kept: bool) -> Self {
        if kept { Self::Ok } else { Self::Over }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoBudget => "",
            Self::Ok => "ok",
            Self::Over => "OVER",
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |figure: &str, measured: &str, budget: &str, kept: &str, reference: &str| {
            writeln!(f, "{}", format!("{figure:<33} {measured:<47} {budget:<22} {kept:<5} {reference}").trim_end())
        };
        row("figure", "measured", "budget", "", "reference")?;
        for (title, lines) in &self.0 {
            row("", "", "", "", "")?;
            row(title, "", "", "", "")?;
            for line in lines {
                let figure = format!("  {}", line.figure);
                row(&figure, &line.measured, &line.budget, &line.kept.to_string(), line.reference)?;
            }
        }
        let lines = || self.0.iter().flat_map(|(_, lines)| lines);
        let over = lines().filter(|line| line.kept == Kept::Over).count();
        let all = lines().filter(|line| line.kept != Kept::NoBudget).count();
        row("", "", "", "", "")?;
        row(&format!("{over} of {all} budgets exceeded"), "", "", "", "")
    }
}
