//! Logging to standard error: one JSON object a line with RFC 3339 time, or text for people.
//!
//! In JSON the fields of an event stand beside `timestamp`, `level`, `target` and `message`, not below them.

use std::io::IsTerminal;

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::{LogArgs, LogFormat};

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is malformed.
    #[error("--log {filter}: {reason}")]
    Filter {
        /// What was asked for.
        filter: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// Something in this process logs already.
    #[error("logging is set up already in this process")]
    SetUpAlready,
}

/// Sends the events of this process to standard error from now on.
pub fn init(args: &LogArgs) -> Result<(), TelemetryError> {
    tracing::subscriber::set_global_default(subscriber(args, std::io::stderr)?)
        .map_err(|_| TelemetryError::SetUpAlready)
}

fn subscriber<W>(args: &LogArgs, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&args.log)
        .map_err(|error| TelemetryError::Filter { filter: args.log.clone(), reason: error.to_string() })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match args.format() {
        LogFormat::Json => {
            Box::new(lines.json().flatten_event(true).with_current_span(true).with_span_list(false).finish())
        }
        LogFormat::Text => Box::new(lines.with_ansi(std::io::stderr().is_terminal()).finish()),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let args = LogArgs { log_format: Some(format), log: filter.to_owned() };
        tracing::subscriber::with_default(subscriber(&args, move || writer.clone()).unwrap(), || {
            tracing::info!(addr = "127.0.0.1:1", "listening");
            tracing::debug!("hidden");
        });
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_have_an_rfc_3339_time_and_their_fields_at_the_top() {
        let text = logged(LogFormat::Json, "info");
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "listening");
        assert_eq!(line["addr"], "127.0.0.1:1");
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
    }

    #[test]
    fn text_lines_are_for_people_and_the_filter_holds() {
        let text = logged(LogFormat::Text, "debug");
        assert!(text.contains("listening") && text.contains("hidden"), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap()).is_err());
    }

    #[test]
    fn a_bad_filter_is_an_error_that_names_it() {
        let args = LogArgs { log_format: None, log: "a=b=c".to_owned() };
        let error = subscriber(&args, io::sink).err().unwrap();
        assert!(error.to_string().starts_with("--log a=b=c: "), "{error}");
    }
}
