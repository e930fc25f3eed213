//! How much load, and for how long.

/// Equal parts of the time after warming up. Something that grows with every payment grows in each of
/// them; what an allocator or a cache takes once does not.
pub const PHASES: u32 = 3;

/// How much load there is. Each figure can be set in the environment.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Connections that only listen, where the system has files for them.
    pub idle: usize,
    /// Pairs of participants, and channels of each.
    pub pairs: u8,
    pub channels: usize,
    /// Minutes that are played, in as long as they take. In each, one channel of so many pays, and
    /// some people come and go.
    pub minutes: u32,
    pub every: u32,
}

impl Size {
    /// What the environment asks for; else what fits into a run of all tests.
    pub fn wanted() -> Self {
        let size = Self {
            idle: number("SPARKY_SOAK_IDLE", 1_000),
            pairs: number("SPARKY_SOAK_PAIRS", 20),
            channels: number("SPARKY_SOAK_CHANNELS", 10),
            minutes: number("SPARKY_SOAK_MINUTES", 60),
            every: number("SPARKY_SOAK_EVERY", 2),
        };
        assert!(
            PHASES < size.minutes && 0 < size.pairs && 0 < size.channels && 0 < size.every,
            "too small to say anything: {size:?}"
        );
        // Seeds of keys are bytes, and the idle ones have theirs from 230 on.
        assert!(size.pairs <= 110, "at most 110 pairs: {size:?}");
        size
    }

    /// Whether a phase, or the warming up before the first, has ended when this minute begins.
    pub fn is_end_of_phase(&self, minute: u32) -> bool {
        let phase = self.phase();
        let warm = self.minutes - PHASES * phase;
        warm <= minute && (minute - warm).is_multiple_of(phase)
    }

    /// Minutes of one phase: a quarter of all, so that a good part is left for warming up.
    fn phase(&self) -> u32 {
        (self.minutes / (PHASES + 1)).max(1)
    }
}

fn number<T: std::str::FromStr>(name: &str, usual: T) -> T {
    let Ok(text) = std::env::var(name) else {
        return usual;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{name} must be a number, not {text}"))
}
