//! Where the configuration of the run and the recorder come from: code, or whatever a loader reads.

use onelogger::config::Loader;
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    DefaultRecorder, Exporter, OneLoggerConfig, OneLoggerConfigBuilder, OneLoggerGuard,
    OneLoggerProvider, Recorder, SpanFilter, TelemetryConfig,
};

use crate::overrides::ConfigOverride;
use crate::provider::SetupError;
use crate::ranks::Ranks;

pub(crate) enum Source {
    Code(Box<Code>),
    Loader(Box<Loader>),
}

pub(crate) struct Code {
    config: OneLoggerConfigBuilder,
    recorder: DefaultRecorderBuilder,
}

impl Source {
    pub(crate) fn code(config: OneLoggerConfigBuilder) -> Source {
        Source::Code(Box::new(Code { config, recorder: DefaultRecorder::builder() }))
    }

    pub(crate) fn loader(loader: Loader) -> Source {
        Source::Loader(Box::new(loader))
    }

    pub(crate) fn ranks(self, ranks: &Ranks, is_enabled: bool) -> Source {
        let &Ranks { rank, world_size, .. } = ranks;
        match self {
            Source::Code(code) => {
                let Code { config, recorder } = *code;
                let config = config.world_size(world_size).rank(rank);
                let config = config.enable_for_current_rank(is_enabled);
                Source::Code(Box::new(Code { config, recorder }))
            }
            Source::Loader(loader) => {
                let loader = loader.set("world_size", i64::from(world_size));
                let loader = loader.set("rank", i64::from(rank));
                Source::loader(loader.set("enable_for_current_rank", is_enabled))
            }
        }
    }

    pub(crate) fn apply(self, change: ConfigOverride) -> Source {
        match self {
            Source::Code(code) => {
                let Code { config, recorder } = *code;
                Source::Code(Box::new(Code { config: change.apply(config), recorder }))
            }
            Source::Loader(loader) => Source::loader(change.apply_to_fields(*loader)),
        }
    }

    pub(crate) fn recorder(self, recorder: DefaultRecorderBuilder) -> Source {
        match self {
            Source::Code(code) => Source::Code(Box::new(Code { config: code.config, recorder })),
            Source::Loader(loader) => Source::loader(loader.recorder(|_| recorder)),
        }
    }

    /// Reads and checks everything, and puts what `wrap` makes of the recorder in force.
    pub(crate) fn configure<R: Recorder>(
        self,
        provider: &OneLoggerProvider,
        telemetry: TelemetryConfig,
        exporters: Vec<Box<dyn Exporter>>,
        filter: SpanFilter,
        wrap: impl FnOnce(&OneLoggerConfig, DefaultRecorder) -> R,
    ) -> Result<OneLoggerGuard, SetupError> {
        let finish = |recorder| {
            let add = DefaultRecorderBuilder::boxed_exporter;
            exporters.into_iter().fold(recorder, add).filter(filter)
        };
        Ok(match self {
            Source::Code(code) => {
                let Code { config, recorder } = *code;
                let config = config.telemetry_config(telemetry).build()?;
                let recorder = wrap(&config, finish(recorder).build()?);
                provider.configure(config, recorder)
            }
            Source::Loader(loader) => {
                let loaded = loader.recorder(finish).load()?;
                loaded.configure_with(provider, |config, recorder| {
                    let config = config.with_telemetry_config(telemetry);
                    let recorder = wrap(&config, recorder);
                    (config, recorder)
                })
            }
        }?)
    }
}
