//! The command line: options before `--`, the tool after it. Pure: arguments in, an order or a mistake out.

use std::{
    ffi::{CStr, CString},
    time::Duration,
};

use lic_protocol::want::{Choice, WANTS_MAX, wishes};

use crate::{
    denied::{self, Denied, Statuses},
    duration::duration,
};

/// What `--help` prints.
pub const HELP: &str = "\
usage: licwrap [OPTION]... -- TOOL [ARG]...
Take a seat of a feature, then become TOOL. The seat is free again when TOOL ends.

  -f FEATURE[:N]   take N seats of FEATURE; repeat for several, all or none are taken
                   (default: the feature named as TOOL, and as many seats as licwrap.toml
                   says a run takes)
  -f 'A || B:N'    take A, or where it cannot be had B; whichever can be had first
  -w[=DURATION]    wait for a seat, at most DURATION: 500ms, 30, 30s, 5m, 1h
  -n               do not wait
  -E CODE          exit with CODE in place of 75, 124 and a refusal's 125
  -P PROJECT       name the project this run belongs to
  -v               tell on standard error what happens
      --supervise  stay as parent of TOOL, and record how it ended, its CPU time and memory
      --denied-exit LIST
                   record a denial when TOOL exits so for want of a license: 1,3-5;
                   implies --supervise
      --requeue N  then wait for a seat and run TOOL again, at most N times
      --explain    tell what would come of it, and why; TOOL is not run
      --help       print this
      --version    print the version

Exit status: TOOL's own once it runs; 127 TOOL not found, 126 TOOL cannot be run,
125 refused for good or licwrap failed, 124 waited in vain, 75 no seat free now.
";
/// What `--version` prints.
pub const VERSION: &str = concat!("licwrap ", env!("CARGO_PKG_VERSION"), "\n");

/// What the user wants of licwrap.
#[derive(Debug, PartialEq, Eq)]
pub enum Call<'a> {
    /// The help text.
    Help,
    /// The version.
    Version,
    /// A tool run with seats.
    Run(Order<'a>),
    /// Words about such a run.
    Explain(Order<'a>),
}

/// A tool to run, and the seats it needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// The seats, each feature once; never empty.
    pub choices: Vec<Choice>,
    /// What to do when no seat is free.
    pub waiting: Waiting,
    /// Takes the place of 75, 124 and a refusal's 125.
    pub exit_code: Option<u8>,
    /// The project of this run.
    pub project: Option<String>,
    /// Whether to tell what happens.
    pub is_verbose: bool,
    /// Whether a parent stays, which records how the tool ends and what it used.
    pub is_supervised: bool,
    /// How the tool says that it got no license, where the user tells.
    pub denied: Option<Denied>,
    /// The name we were called by, where it stands for the tool.
    pub called: Option<String>,
    /// Where the tool is, where its first argument does not say it.
    pub program: Option<CString>,
    /// The tool's name for people: the last part of its path.
    pub tool_name: String,
    /// The tool and its arguments; never empty.
    pub tool: &'a [&'a CStr],
}

impl Order<'_> {
    /// Where the tool is: a path, or a name to be searched.
    #[must_use]
    pub fn program(&self) -> &CStr {
        self.program.as_deref().or(self.tool.first().copied()).unwrap_or_default()
    }
}

/// What to do when no seat is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// What the monitor's configuration says.
    AsConfigured,
    /// Wait without end.
    Yes,
    /// Wait so long.
    For(Duration),
    /// Do not wait.
    No,
}

/// A command line that cannot be followed.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong, as a sentence.
    pub what: &'static str,
    /// The argument it is about; empty when it is about none.
    pub argument: Vec<u8>,
}

impl Mistake {
    /// A mistake about an argument.
    #[must_use]
    pub fn new(what: &'static str, argument: &[u8]) -> Self {
        Self { what, argument: argument.to_vec() }
    }
}

/// Reads the arguments, the program's own name first.
///
/// # Errors
/// [`Mistake`] names the first argument that cannot be followed.
pub fn parse<'a>(arguments: &'a [&'a CStr]) -> Result<Call<'a>, Mistake> {
    let mut options = Options::default();
    let mut is_explaining = false;
    let mut rest = arguments.get(1..).unwrap_or_default();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        let argument = first.to_bytes();
        match argument {
            b"--" if is_explaining => return options.order(rest).map(Call::Explain),
            b"--" => return options.order(rest).map(Call::Run),
            b"--help" => return Ok(Call::Help),
            b"--version" => return Ok(Call::Version),
            b"--supervise" => options.is_supervised = true,
            b"--explain" => is_explaining = true,
            b"--denied-exit" | b"--requeue" => {
                let Some((value, others)) = rest.split_first() else {
                    return Err(Mistake::new("a value must follow", argument));
                };
                rest = others;
                options.long_value(argument, value.to_bytes())?;
            }
            [b'-', b'-', ..] => return Err(Mistake::new("there is no option", argument)),
            [b'-', letters @ ..] if !letters.is_empty() => {
                rest = options.take(letters, argument, rest)?;
            }
            _ => return Err(stray(argument)),
        }
    }
    Err(Mistake::new("no tool is named; write it after --", b""))
}

fn stray(argument: &[u8]) -> Mistake {
    if duration(argument).is_some() {
        Mistake::new(
            "a duration follows its option directly, as in -w=5m, not as its own argument",
            argument,
        )
    } else {
        Mistake::new("put -- before the tool", argument)
    }
}

#[derive(Default)]
struct Options {
    choices: Vec<Choice>,
    is_waiting: Option<Waiting>,
    exit_code: Option<u8>,
    project: Option<String>,
    is_verbose: bool,
    is_supervised: bool,
    denied: Option<Statuses>,
    requeue: Option<u32>,
}

impl Options {
    fn long_value(&mut self, option: &[u8], value: &[u8]) -> Result<(), Mistake> {
        if option == b"--requeue" {
            let times = denied::times(value);
            self.requeue =
                Some(times.ok_or_else(|| Mistake::new("--requeue takes 0 to 1000, not", value))?);
        } else {
            let wrong =
                "--denied-exit takes statuses such as 1,3-5, without 75 and 124 to 127, not";
            self.denied = Some(Statuses::parse(value).ok_or_else(|| Mistake::new(wrong, value))?);
        }
        Ok(())
    }

    /// How the tool says that it got no license. It is run again only where nobody takes another's word for it.
    fn denied(&self) -> Result<Option<Denied>, Mistake> {
        let requeue = self.requeue.unwrap_or(0);
        let Some(statuses) = self.denied else {
            return match self.requeue {
                Some(_) => Err(Mistake::new("--requeue needs --denied-exit", b"")),
                None => Ok(None),
            };
        };
        if self.exit_code.is_some_and(|code| statuses.contain(code)) {
            return Err(Mistake::new("-E may not be one of --denied-exit", b""));
        }
        if requeue > 0 && self.is_waiting == Some(Waiting::No) {
            return Err(Mistake::new("-n and --requeue exclude each other", b""));
        }
        Ok(Some(Denied { statuses, requeue }))
    }

    /// Follows one argument of option letters: `-nv`, `-w=5m`, `-fNAME`. Returns the arguments left after it.
    fn take<'a>(
        &mut self,
        mut letters: &[u8],
        argument: &[u8],
        mut rest: &'a [&'a CStr],
    ) -> Result<&'a [&'a CStr], Mistake> {
        while let Some((letter, after)) = letters.split_first() {
            letters = after;
            match letter {
                b'v' => self.is_verbose = true,
                b'n' => self.wait(Waiting::No, argument)?,
                b'w' => {
                    self.wait(waiting(after, argument)?, argument)?;
                    if after.starts_with(b"=") {
                        letters = b"";
                    }
                }
                b'f' | b'E' | b'P' => {
                    let value = if after.is_empty() {
                        let Some((value, others)) = rest.split_first() else {
                            return Err(Mistake::new("a value must follow", argument));
                        };
                        rest = others;
                        value.to_bytes()
                    } else {
                        after
                    };
                    self.value(*letter, value)?;
                    letters = b"";
                }
                _ => return Err(Mistake::new("there is no option", argument)),
            }
        }
        Ok(rest)
    }

    fn wait(&mut self, waiting: Waiting, argument: &[u8]) -> Result<(), Mistake> {
        let is_no = waiting == Waiting::No;
        match self.is_waiting.replace(waiting) {
            Some(before) if (before == Waiting::No) != is_no => {
                Err(Mistake::new("-w and -n exclude each other", argument))
            }
            _ => Ok(()),
        }
    }

    fn value(&mut self, letter: u8, value: &[u8]) -> Result<(), Mistake> {
        let text = std::str::from_utf8(value).map_err(|_| Mistake::new("not UTF-8", value))?;
        match letter {
            b'f' => {
                let choice = Choice::parse(text).map_err(|wrong| Mistake::new(wrong.0, value))?;
                self.choice(choice, value)
            }
            b'E' => {
                let code = text.parse().map_err(|_| Mistake::new("-E takes 0 to 255, not", value));
                self.exit_code = Some(code?);
                Ok(())
            }
            _ => {
                self.project = Some(text.to_owned());
                Ok(())
            }
        }
    }

    fn choice(&mut self, choice: Choice, value: &[u8]) -> Result<(), Mistake> {
        self.choices.push(choice);
        let features: Vec<&str> = wishes(&self.choices).map(|wish| wish.feature.as_str()).collect();
        let is_repeated =
            |(at, feature): (usize, &&str)| features.iter().take(at).any(|other| other == feature);
        if features.iter().enumerate().any(is_repeated) {
            return Err(Mistake::new("name a feature once, as in -f NAME:2, not twice", value));
        }
        if features.len() > WANTS_MAX {
            return Err(Mistake::new("at most 16 features can be asked for at once", value));
        }
        Ok(())
    }

    fn order<'a>(mut self, tool: &'a [&'a CStr]) -> Result<Order<'a>, Mistake> {
        let Some(program) = tool.first() else {
            return Err(Mistake::new("no tool follows --", b""));
        };
        let denied = self.denied()?;
        let base = base_name(program.to_bytes());
        if self.choices.is_empty() {
            match std::str::from_utf8(base) {
                Ok(name) if !name.is_empty() => {
                    self.choices.push(Choice::of(name));
                }
                _ => return Err(Mistake::new("name a feature with -f for the tool", base)),
            }
        }
        Ok(Order {
            choices: self.choices,
            waiting: self.is_waiting.unwrap_or(Waiting::AsConfigured),
            exit_code: self.exit_code,
            project: self.project,
            is_verbose: self.is_verbose,
            is_supervised: self.is_supervised,
            denied,
            called: None,
            program: None,
            tool_name: shown_name(base),
            tool,
        })
    }
}

fn waiting(after: &[u8], argument: &[u8]) -> Result<Waiting, Mistake> {
    match after {
        [b'=', text @ ..] => duration(text).map(Waiting::For).ok_or_else(|| {
            Mistake::new("a duration is written 500ms, 30, 30s, 5m or 1h, not", argument)
        }),
        _ => Ok(Waiting::Yes),
    }
}

/// The last part of a path.
#[must_use]
pub fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// A name that is not UTF-8 has `?` for every byte above ASCII: it is only shown.
fn shown_name(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            name.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(text: &str) -> Vec<Choice> {
        text.split(", ").map(|choice| Choice::parse(choice).unwrap()).collect()
    }

    fn with_parsed<T>(line: &[&str], then: impl FnOnce(Result<Call<'_>, Mistake>) -> T) -> T {
        let mut owned = vec![c"licwrap".to_owned()];
        owned.extend(line.iter().map(|text| std::ffi::CString::new(*text).unwrap()));
        let arguments: Vec<&CStr> = owned.iter().map(AsRef::as_ref).collect();
        then(parse(&arguments))
    }

    #[track_caller]
    fn check(line: &[&str], expected: &Order<'_>) {
        with_parsed(line, |call| match call {
            Ok(Call::Run(order)) => assert_eq!(&order, expected),
            other => panic!("{other:?}"),
        });
    }

    #[track_caller]
    fn check_mistake(line: &[&str], what: &str, argument: &str) {
        with_parsed(line, |call| {
            let mistake = call.unwrap_err();
            assert_eq!((mistake.what, mistake.argument.as_slice()), (what, argument.as_bytes()));
        });
    }

    fn order<'a>(tool: &'a [&'a CStr]) -> Order<'a> {
        Order {
            choices: choices("x"),
            waiting: Waiting::AsConfigured,
            exit_code: None,
            project: None,
            is_verbose: false,
            is_supervised: false,
            denied: None,
            called: None,
            program: None,
            tool_name: "x".into(),
            tool,
        }
    }

    #[test]
    fn orders() {
        let plain = &[c"x"];
        check(&["--", "x"], &order(plain));
        check(&["-f", "x", "--", "x"], &order(plain));
        let path = &[c"/usr/bin/x", c"--", c"", c"-n"];
        check(&["--", "/usr/bin/x", "--", "", "-n"], &order(path));
        check(&["-v", "--", "x"], &Order { is_verbose: true, ..order(plain) });
        check(&["--supervise", "--", "x"], &Order { is_supervised: true, ..order(plain) });
        check(&["-w", "--", "x"], &Order { waiting: Waiting::Yes, ..order(plain) });
        let statuses = Statuses::parse(b"1,3-5").unwrap();
        let denied = Some(Denied { statuses, requeue: 2 });
        check(
            &["--denied-exit", "1,3-5", "--requeue", "2", "--", "x"],
            &Order { denied, ..order(plain) },
        );
        check(&["-n", "--", "x"], &Order { waiting: Waiting::No, ..order(plain) });
        let five_minutes = Waiting::For(Duration::from_mins(5));
        check(
            &["-vw=5m", "-P", "-f", "-fa:2", "-f", "b || c:3", "-E7", "--", "x"],
            &Order {
                waiting: five_minutes,
                is_verbose: true,
                project: Some("-f".into()),
                choices: choices("a:2, b || c:3"),
                exit_code: Some(7),
                ..order(plain)
            },
        );
        check(&["-w", "-w=5m", "--", "x"], &Order { waiting: five_minutes, ..order(plain) });
        check(
            &["-wv", "--", "x"],
            &Order { waiting: Waiting::Yes, is_verbose: true, ..order(plain) },
        );
    }

    #[test]
    fn help_and_version_need_no_tool() {
        with_parsed(&["-v", "--help"], |call| assert_eq!(call, Ok(Call::Help)));
        with_parsed(&["--version"], |call| assert_eq!(call, Ok(Call::Version)));
        with_parsed(&["--", "--help"], |call| assert!(matches!(call, Ok(Call::Run(_)))));
    }

    #[test]
    fn words_are_asked_for_before_the_tool() {
        with_parsed(&["--explain", "-v", "--", "x"], |call| {
            assert!(matches!(call, Ok(Call::Explain(order)) if order.is_verbose));
        });
        with_parsed(&["--", "x", "--explain"], |call| assert!(matches!(call, Ok(Call::Run(_)))));
    }

    #[test]
    fn mistakes_name_the_argument() {
        check_mistake(&[], "no tool is named; write it after --", "");
        check_mistake(&["--"], "no tool follows --", "");
        check_mistake(&["true"], "put -- before the tool", "true");
        check_mistake(&["-", "--", "x"], "put -- before the tool", "-");
        check_mistake(&["", "--", "x"], "put -- before the tool", "");
        check_mistake(
            &["-w", "5", "--", "x"],
            "a duration follows its option directly, as in -w=5m, not as its own argument",
            "5",
        );
        let duration = "a duration is written 500ms, 30, 30s, 5m or 1h, not";
        check_mistake(&["-w=soon", "--", "x"], duration, "-w=soon");
        check_mistake(&["-w=", "--", "x"], duration, "-w=");
        check_mistake(&["-w", "-n", "--", "x"], "-w and -n exclude each other", "-n");
        check_mistake(&["-n", "-w=1", "--", "x"], "-w and -n exclude each other", "-w=1");
        check_mistake(&["-q", "--", "x"], "there is no option", "-q");
        check_mistake(&["--quiet", "--", "x"], "there is no option", "--quiet");
        check_mistake(&["-f"], "a value must follow", "-f");
        check_mistake(&["-E", "256", "--", "x"], "-E takes 0 to 255, not", "256");
        check_mistake(&["-f", "a:x"], "a number of seats follows `:`", "a:x");
        check_mistake(
            &["-f", "a", "-f", "a:2"],
            "name a feature once, as in -f NAME:2, not twice",
            "a:2",
        );
        check_mistake(
            &["-f", "a || b", "-f", "b"],
            "name a feature once, as in -f NAME:2, not twice",
            "b",
        );
        check_mistake(&["--denied-exit"], "a value must follow", "--denied-exit");
        check_mistake(
            &["--denied-exit", "75", "--", "x"],
            "--denied-exit takes statuses such as 1,3-5, without 75 and 124 to 127, not",
            "75",
        );
        check_mistake(
            &["--denied-exit", "1", "--requeue", "9999", "--", "x"],
            "--requeue takes 0 to 1000, not",
            "9999",
        );
        check_mistake(&["--requeue", "1", "--", "x"], "--requeue needs --denied-exit", "");
        check_mistake(
            &["--denied-exit", "1-9", "-E", "7", "--", "x"],
            "-E may not be one of --denied-exit",
            "",
        );
        check_mistake(
            &["-n", "--denied-exit", "1", "--requeue", "1", "--", "x"],
            "-n and --requeue exclude each other",
            "",
        );
        check_mistake(&["--", "/"], "name a feature with -f for the tool", "");
    }

    #[test]
    fn a_name_that_is_not_utf8_needs_a_feature() {
        let tool = [c"licwrap", c"-f", c"x", c"--", c"/bin/\xe5b"];
        let Ok(Call::Run(order)) = parse(&tool) else { panic!() };
        assert_eq!(order.tool_name, "?b");
        let tool = [c"licwrap", c"--", c"/bin/\xe5b"];
        assert_eq!(parse(&tool).unwrap_err().what, "name a feature with -f for the tool");
    }
}
