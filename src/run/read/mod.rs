//! From the names of tasks to their lives: files are read, all else is asked of AWS. Main type: [`Reader`].

pub(in crate::run) mod files;
mod index;
mod past;
mod sorted;
mod unread;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};

use self::files::read_files;
use self::index::Tasks;
pub use self::past::list;
pub(super) use self::past::{PastReader, each, patiently, recalled};
use self::unread::ToRead;
pub use self::unread::Unread;
use super::Now;
use super::notice::{Level, Notice, Teller};
use super::stop::Stop;
use crate::hint::Hint;
use crate::model::merge::TaskObservations;
use crate::model::{AsOf, TaskLife, Time};
use crate::source::aws::AwsError;
use crate::source::ecs::{EcsSource, Found, Until};
use crate::source::logs::{LogLines, WholeLog};
use crate::source::select::Selection;
use crate::source::target::TaskTarget;

/// What was observed of a task, and whether AWS can be asked for more of it.
#[derive(Debug)]
pub struct Observed {
    /// What was observed.
    pub task: TaskObservations,
    /// AWS can be asked for more of it.
    pub is_live: bool,
    /// Its state was read from a file: what came after is not known.
    pub is_saved: bool,
}

/// So many things of one kind are told one by one; the others are counted.
const FEW: usize = 10;

/// What happened while tasks were read. Shared, since reading goes on while they are delivered.
pub struct Course {
    notices: Teller,
    clock: Now,
    /// Things that may come thousands of times, by kind.
    alike: Mutex<BTreeMap<String, Alike>>,
    lost: AtomicUsize,
    timed_out: AtomicBool,
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course").field("lost", &self.lost).field("timed_out", &self.timed_out).finish_non_exhaustive()
    }
}

/// Of one kind.
struct Alike {
    count: usize,
    level: Level,
    /// The first of them.
    like: String,
}

impl Course {
    /// Nothing has happened yet; what will is told there.
    pub fn new(notices: Teller, clock: Now) -> Self {
        Self { notices, clock, alike: Mutex::default(), lost: AtomicUsize::new(0), timed_out: AtomicBool::new(false) }
    }

    /// What time it is: what has not ended has lasted until then.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    /// Who hears of it.
    pub(super) fn notices(&self) -> Teller {
        self.notices.clone()
    }

    /// Tells what needs no counting.
    pub fn tell(&self, notice: &Notice) {
        self.notices.tell(notice);
    }

    /// Something was tried and could not be read.
    pub fn lose(&self, error: String, hint: Option<String>) {
        self.tell(&Notice::Lost { error, hint });
        self.lose_again();
    }

    /// As [`lose`](Self::lose), of what may come thousands of times: the first few of a kind are told, and how many more there were.
    pub(crate) fn lose_one_of(&self, kind: &str, error: String, hint: Option<String>) {
        self.tell_one_of(kind, Notice::Lost { error, hint });
        self.lose_again();
    }

    /// An error in a file was why; a file can hold thousands.
    pub(crate) fn lose_in(&self, path: &Path, error: &impl Hint) {
        let (kind, hint) = (path.display(), error.hint());
        self.lose_one_of(&format!("{kind}: {}", hint.as_deref().unwrap_or_default()), error.to_string(), hint);
    }

    /// As [`tell`](Self::tell), likewise.
    pub(crate) fn tell_one_of(&self, kind: &str, mut notice: Notice) {
        let mut alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = alike.get_mut(kind) {
            known.count += 1;
            if known.count > FEW {
                return;
            }
            // What to do about all of them was said with the first.
            if let Notice::Lost { hint, .. } | Notice::Gap { hint, .. } = &mut notice {
                *hint = None;
            }
        } else {
            let first = Alike { count: 1, level: notice.level(), like: notice.to_string() };
            alike.insert(kind.to_owned(), first);
        }
        drop(alike);
        self.tell(&notice);
    }

    /// Tells how many more there were of each kind.
    fn tell_rest(&self) {
        let alike = std::mem::take(&mut *self.alike.lock().unwrap_or_else(PoisonError::into_inner));
        for Alike { count, level, like } in alike.into_values() {
            if let Some(more) = count.checked_sub(FEW).filter(|more| *more > 0) {
                self.tell(&Notice::Alike { more, level, like });
            }
        }
    }

    /// An error was why.
    pub(crate) fn lose_to(&self, error: &impl Hint) {
        self.lose(error.to_string(), error.hint());
    }

    /// The same as before could not be read once more: it has been told.
    pub(crate) fn lose_again(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn lose_to_aws(&self, error: &AwsError) {
        if matches!(error, AwsError::WaitedTooLong { .. }) {
            self.timed_out.store(true, Ordering::Relaxed);
        }
        self.lose_to(error);
    }

    /// How many things were tried and could not be read. Each has been told.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether a wait ran out of time.
    pub fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Relaxed)
    }
}

/// Which tasks, and how much of each.
#[derive(Debug)]
pub struct ReadConfig {
    /// Files; `-` is stdin.
    pub files: Vec<PathBuf>,
    /// Where is kept, while it is read, what cannot be read twice: stdin, pipes, archives.
    pub temporary: PathBuf,
    /// Tasks that AWS is asked for.
    pub targets: Vec<TaskTarget>,
    /// More of them.
    pub selection: Option<Selection>,
    /// AWS is asked for what files do not hold.
    pub fetch: bool,
    /// Who is asked; `None` where nobody has to be.
    pub aws: Option<EcsSource>,
    /// How far tasks must have come, and for how long that is waited for.
    pub wait: Option<(Until, Option<Duration>)>,
    /// How much of logs is kept.
    pub log_lines: LogLines,
    /// What time it is: what has not ended has lasted until then.
    pub clock: Now,
}

/// The tasks of one run.
#[derive(Debug)]
pub struct Reader {
    files: Option<Tasks>,
    targets: Vec<TaskTarget>,
    selection: Option<Selection>,
    fetch: bool,
    aws: Option<Arc<EcsSource>>,
    wait: Option<(Until, Option<Duration>)>,
    log_lines: LogLines,
    stop: Stop,
    to_read: Arc<Mutex<ToRead>>,
    /// What happens while they are read.
    pub course: Arc<Course>,
}

/// Tells that reading begins, and, however it ends, that it has.
pub(super) struct Reading(Arc<Course>);

impl Reading {
    pub(super) fn begin(course: &Arc<Course>) -> Self {
        course.tell(&Notice::ReadsTasks);
        Self(course.clone())
    }

    pub(super) fn advance(&self) {
        self.0.tell(&Notice::TaskRead);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.tell(&Notice::TasksRead);
        self.0.tell_rest();
    }
}

/// Of those who read no task.
impl Drop for Course {
    fn drop(&mut self) {
        self.tell_rest();
    }
}

impl Reader {
    /// Reads the files and prepares to ask AWS for the rest.
    pub async fn open(config: ReadConfig, stop: Stop, notices: Teller) -> Self {
        let ReadConfig { files, temporary, targets, selection, fetch, aws, wait, log_lines, clock } = config;
        let course = Arc::new(Course::new(notices, clock));
        let (mut files, unread) = read_files(files, &temporary, &course, &stop).await;
        let fetched = if fetch { files.names() } else { vec![] };
        let to_read = Arc::new(Mutex::new(ToRead::new(unread, fetched, &targets, selection.is_some())));
        Self {
            files: Some(files),
            targets,
            selection,
            fetch,
            aws: aws.map(Arc::new),
            wait,
            log_lines,
            stop,
            to_read,
            course,
        }
    }

    /// The reader's access to AWS, when it has any; used up by a bundle.
    pub fn into_aws(self) -> Option<EcsSource> {
        self.aws.and_then(Arc::into_inner)
    }

    /// The tasks' lives as they become known: those from files first. Ends early when told to stop.
    pub fn lives(&mut self) -> BoxStream<'static, TaskLife> {
        let (course, log_lines, to_read) = (self.course.clone(), self.log_lines, self.to_read.clone());
        let stop = self.stop.wait();
        let life = move |observed: Observed| {
            done(&to_read, observed.is_live);
            life(observed, log_lines, &course)
        };
        self.observed().take_until(stop).map(life).boxed()
    }

    /// What is observed of the tasks, likewise; but told to stop it asks AWS no more, and ends when all that files hold is out:
    /// that was read.
    pub fn observed(&mut self) -> BoxStream<'static, Observed> {
        let files = self.files.take();
        let (at_hand, to_fetch) = if self.fetch { (None, files) } else { (files, None) };
        let at_hand = futures::stream::iter(at_hand.into_iter().flatten()).map(|task| Observed {
            task,
            is_live: false,
            is_saved: true,
        });
        let asked = match self.aws.clone() {
            None => futures::stream::empty().boxed(),
            Some(aws) => {
                let asked = self.asked(aws.clone());
                let fetched = fetched(aws.clone(), to_fetch, self.course.clone()).map(|task| (task, true));
                let course = self.course.clone();
                let last = flattened(async move {
                    lose_streams(&aws, &course);
                    futures::stream::empty()
                });
                fetched.chain(asked).chain(last).boxed()
            }
        };
        let asked =
            asked.map(|(task, is_saved)| Observed { task, is_live: true, is_saved }).take_until(self.stop.wait());
        let reading = Reading::begin(&self.course);
        at_hand.chain(asked).inspect(move |_| reading.advance()).boxed()
    }

    /// What was observed of a task is handed on whole.
    pub fn done(&self, is_live: bool) {
        done(&self.to_read, is_live);
    }

    /// What was asked for and is not handed on.
    pub fn unread(&self) -> Unread {
        self.to_read.lock().unwrap_or_else(PoisonError::into_inner).unread()
    }

    /// The life of what was observed.
    pub fn life(&self, observed: Observed) -> TaskLife {
        life(observed, self.log_lines, &self.course)
    }

    /// The whole logs of a task's containers, where they are asked for and AWS has them. What a file holds is in the life.
    pub fn whole_logs(&self, observed: &Observed) -> Vec<WholeLog> {
        let Some(aws) = self.aws.as_ref().filter(|_| observed.is_live && self.log_lines == LogLines::All) else {
            return vec![];
        };
        match aws.whole_logs(&observed.task.task, observed.task.definition.as_ref()) {
            Ok(logs) => logs,
            Err(error) => {
                self.course.lose_to_aws(&error);
                vec![]
            }
        }
    }

    /// Whether logs are streamed.
    pub fn streams_logs(&self) -> bool {
        self.log_lines == LogLines::All
    }

    /// The tasks that AWS is asked for, and whether each is as it was and not as it is now.
    fn asked(&mut self, aws: Arc<EcsSource>) -> impl Stream<Item = (TaskObservations, bool)> + use<> {
        let (targets, selection) = (std::mem::take(&mut self.targets), self.selection.take());
        let (course, wait, to_read) = (self.course.clone(), self.wait, self.to_read.clone());
        let found = async move {
            let now = course.now();
            let mut found = patiently(aws.find(&targets, now), targets.len(), &course.notices).await;
            let (named, mut absent) = (found.len(), None);
            if let Some(selection) = &selection {
                match aws.select(selection, &|_| {}).await {
                    Ok((region, tasks)) => found.extend(
                        tasks.into_iter().map(|task| Ok(Found { region: region.clone(), task: task?, recalled: None })),
                    ),
                    Err(error) if past::is_of_the_past(&error, &aws, selection, now) => absent = Some(error),
                    Err(error) => found.push(Err(error)),
                }
            }
            let waited = found.into_iter().map(|found| async {
                let Found { region, task, recalled } = found?;
                // ECS will not tell more of what it has forgotten.
                let Some((until, timeout)) = wait.filter(|_| recalled.is_none()) else {
                    return Ok((Found { region, task, recalled }, None));
                };
                let (task, error) = aws.wait(&region, task, until, timeout).await;
                Ok((Found { region, task, recalled }, error))
            });
            let (mut tasks, mut are_saved) = (vec![], vec![]);
            let (mut names, mut selected, mut seen) = (vec![], vec![], HashSet::new());
            for (index, task) in futures::future::join_all(waited).await.into_iter().enumerate() {
                match task {
                    // One that was waited for in vain is delivered as far as it has come.
                    Ok((Found { region, task, recalled }, error)) => {
                        error.iter().for_each(|error| course.lose_to_aws(error));
                        // By its id and by its first characters it is the same one.
                        if !seen.insert((task.id.to_lowercase(), task.arn.clone())) {
                            continue;
                        }
                        recalled.iter().for_each(|found| course.tell(&past::recalled(&task, found)));
                        if index < named { &mut names } else { &mut selected }.push(unread::name(&task));
                        are_saved.push(recalled.is_some() && !task.is_stopped());
                        tasks.push((region, task));
                    }
                    Err(error) => course.lose_to_aws(&error),
                }
            }
            let named = names.len();
            to_read.lock().unwrap_or_else(PoisonError::into_inner).found(names, selected);
            let past = match selection {
                Some(selection) => match PastReader::begin(&aws, &selection, &tasks, now, absent, &course) {
                    Some(past) => past::add(past, &selection, &mut tasks, named, &to_read).await,
                    None => None,
                },
                None => None,
            };
            let past = past::observed(aws.clone(), past, to_read).map(|task| (task, false));
            let are_saved = futures::stream::iter(are_saved).chain(futures::stream::repeat(false));
            aws.observe(tasks).zip(are_saved).chain(past)
        };
        flattened(found)
    }
}

fn done(to_read: &Mutex<ToRead>, is_live: bool) {
    if is_live {
        to_read.lock().unwrap_or_else(PoisonError::into_inner).advance();
    }
}

fn life(observed: Observed, log_lines: LogLines, course: &Course) -> TaskLife {
    let most = match log_lines {
        LogLines::AtMost(lines) => lines,
        // What is at hand was read already.
        LogLines::All => usize::MAX,
    };
    let Observed { task, is_saved, .. } = observed;
    let as_of = match is_saved {
        true => task.latest().map_or(AsOf::Undated, AsOf::Saved),
        false => AsOf::Now(course.now()),
    };
    let life = TaskLife::new(task, as_of, most);
    // What is missing of a task is told with it, and counts.
    course.lost.fetch_add(life.gaps.len(), Ordering::Relaxed);
    life
}

/// A stream that was named of a container which no task has is a slip of the pen, and its lines are missing.
fn lose_streams(aws: &EcsSource, course: &Course) {
    let (nobodies, met) = aws.streams_of_nobody();
    for container in nobodies {
        let error = format!("--log-stream {container}=…: no task that was read has a container {container}");
        course.lose(error, Some(format!("the names of the containers are {}", met.join(", "))));
    }
}

fn flattened<S: Stream>(stream: impl Future<Output = S>) -> impl Stream<Item = S::Item> {
    futures::stream::once(stream).flatten()
}

/// Tasks from files, with what AWS adds to them.
fn fetched(aws: Arc<EcsSource>, files: Option<Tasks>, course: Arc<Course>) -> impl Stream<Item = TaskObservations> {
    futures::stream::iter(files.into_iter().flatten()).then(move |mut file| {
        let (aws, course) = (aws.clone(), course.clone());
        async move {
            match aws.region_of(&file.task) {
                Ok(region) => {
                    let more = aws.observe_one(&region, file.task.clone()).await;
                    file.absorb(more);
                }
                Err(error) => course.lose_to_aws(&error),
            }
            file
        }
    })
}
