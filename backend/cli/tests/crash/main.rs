//! Crash at every write: the built binary, ended by SIGKILL at every named point, again and again,
//! and nothing may be lost, said twice or signed twice.
//!
//! `make crash` ends each point fifty times; `make test` a few times. What chance decides comes from
//! a seed that is printed and can be given again:
//!
//! | variable | what |
//! |---|---|
//! | `SPARKY_CRASH_ENDS` | how often each point ends a process |
//! | `SPARKY_CRASH_SEED` | what chance decides |
//! | `SPARKY_CRASH_ONLY` | only points whose name contains one of these, with commas between |
//! | `SPARKY_CRASH_STAGES` | how many chains with a relay run side by side |

mod hands;
#[path = "../../../relay/tests/it/person.rs"]
mod person;
mod points;
mod stage;
mod stories;

use std::{
    sync::{Arc, Mutex},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use points::{POINTS, Point, Story};
use stage::Stage;

/// Tellings of a story in which the end did not come, before that is a defect of the test.
const MOST_MISSES: u32 = 20;

fn set<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_crash_at_any_point_loses_nothing() {
    let ends: u32 = set("SPARKY_CRASH_ENDS").unwrap_or(2);
    let only: String = set("SPARKY_CRASH_ONLY").unwrap_or_default();
    let stages: usize = set("SPARKY_CRASH_STAGES").unwrap_or(6);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let seed: u64 = set("SPARKY_CRASH_SEED").unwrap_or_else(|| now.subsec_nanos().into());
    println!("SPARKY_CRASH_SEED={seed} SPARKY_CRASH_ENDS={ends}");
    let begin = Instant::now();
    let mut points: Vec<Point> = POINTS
        .iter()
        .copied()
        .filter(|point| only.split(',').any(|part| point.name.contains(part)))
        .collect();
    // Those that take longest first, so that all stages end together.
    points.sort_by_key(|point| {
        !matches!(
            point.story,
            Story::Dispute | Story::Forgotten | Story::Penniless
        )
    });
    points.reverse();
    let waiting = Arc::new(Mutex::new(points));
    let told = Arc::new(Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for number in 0..stages {
            let (waiting, told) = (Arc::clone(&waiting), Arc::clone(&told));
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(async {
                    let mut stage = None;
                    loop {
                        let next = waiting.lock().expect("nobody panicked").pop();
                        let Some(point) = next else { break };
                        let stage = match &mut stage {
                            Some(stage) => stage,
                            none => none.insert(Stage::new(seed.wrapping_add(number as u64)).await),
                        };
                        let begin = Instant::now();
                        let misses = end_often(stage, &point, ends).await;
                        let took = begin.elapsed().as_secs_f32();
                        println!(
                            "{:32} ended {ends} times, {misses} tellings without, {took:.1} s",
                            point.name
                        );
                        told.lock().expect("nobody panicked").push(point.name);
                    }
                });
            });
        }
    });
    let told = told.lock().expect("nobody panicked").len();
    println!(
        "{told} points, {} ends, seed {seed}, {:.0} s",
        told as u64 * u64::from(ends),
        begin.elapsed().as_secs_f32()
    );
    assert!(told > 0, "no point has such a name");
}

/// Ends a process at a point, as often as asked for, and checks everything in between. Returns how
/// often the story passed without an end.
async fn end_often(stage: &mut Stage, point: &Point, ends: u32) -> u32 {
    let (mut done, mut misses, mut all) = (0, 0, 0);
    while done < ends {
        let most = point.most.saturating_sub(misses / 3).max(1);
        let visit = stage.dice.below(most) + 1;
        let ended = if point.story.is_by_hand() {
            if stage.ended() {
                stage.start(None).await;
            }
            hands::tell(stage, point.story, (point.name, visit)).await
        } else {
            let is_checked = ends <= 5 || done % 5 == 4;
            end_the_relay(stage, point, visit, is_checked).await
        };
        if ended {
            done += 1;
            misses = 0;
        } else {
            misses += 1;
            all += 1;
            assert!(
                misses < MOST_MISSES,
                "nobody comes to {} any more",
                point.name
            );
        }
    }
    stage.check().await;
    all
}

/// Tells the story to a relay that ends in it. What everybody holds is compared after each end when
/// there are few, else after every fifth: between them the next relay, which will end as well, serves
/// the same people, who resync with it and compare every state and every event that they are shown.
async fn end_the_relay(stage: &mut Stage, point: &Point, visit: u32, is_checked: bool) -> bool {
    let penniless = point.story == Story::Penniless;
    let dispute = matches!(
        point.story,
        Story::Dispute | Story::Penniless | Story::Forgotten
    );
    if dispute {
        // Its channel is there before the end is near.
        stage.check().await;
        stage.open(10).await;
    }
    stage.start_with(penniless, Some((point.name, visit))).await;
    let told = stories::tell(stage, point.story).await;
    if let Err(person::Trouble::Refused(why)) = &told {
        panic!("{}: refused: {why}\n{}", point.name, stage.log());
    }
    // The tower acts when nobody asks, and so does a relay at rest; everything else has happened by now.
    if !stage.fell {
        let acts_later = dispute || point.story == Story::Rest;
        let patience = if acts_later || told.is_err() { 150 } else { 2 };
        stage.ends(patience).await;
    }
    let ended = stage.fell;
    stage.node.dev_automine(true).await.expect("switches");
    if dispute || is_checked {
        stage.start_with(false, None).await;
    }
    if dispute {
        stories::finish(stage).await;
    } else if is_checked {
        stage.check().await;
    }
    ended
}
