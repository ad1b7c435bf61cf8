//! User, host and display of a holder, between which stand blanks, and in which may stand blanks too.

use std::collections::HashSet;

/// Hosts that lines name which can be read in one way only.
#[derive(Default)]
pub(super) struct Hosts(HashSet<String>);

/// Who holds a seat. A user is always told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Who<'a> {
    pub(super) user: &'a str,
    pub(super) host: Option<&'a str>,
    pub(super) display: Option<&'a str>,
}

impl Hosts {
    /// Those of three words.
    pub(super) fn of<'a>(holders: impl Iterator<Item = &'a str>) -> Self {
        let hosts = holders.filter_map(|who| match *words(who) {
            [_, (at, end), _] => Some(who[at..end].to_owned()),
            _ => None,
        });
        Self(hosts.collect())
    }

    /// Tells them apart. Where names hold blanks, the host is the word before a display that shows what it is, or one that
    /// other lines name, or the first that does not look like a name of a person.
    pub(super) fn split<'a>(&self, who: &'a str) -> Who<'a> {
        let words = words(who);
        let word = |at: usize| -> &'a str { &who[words[at].0..words[at].1] };
        match words.len() {
            0 | 1 => Who { user: who.trim(), host: None, display: None },
            2 if is_device(word(1)) => Who { user: word(0), host: None, display: Some(word(1)) },
            2 => Who { user: word(0), host: Some(word(1)), display: None },
            3 => Who { user: word(0), host: Some(word(1)), display: Some(word(2)) },
            count => {
                let host = (2..count)
                    .find(|&at| is_display_of(word(at), word(at - 1)))
                    .map(|display| display - 1)
                    .or_else(|| (1..count - 1).find(|&at| self.0.contains(word(at))))
                    .unwrap_or_else(|| behind_person((0..count).map(word)));
                Who {
                    user: who[..words[host].0].trim_end(),
                    host: Some(word(host)),
                    display: Some(&who[words[host + 1].0..words[count - 1].1]),
                }
            }
        }
    }
}

/// Where the words of a text begin and end.
fn words(text: &str) -> Vec<(usize, usize)> {
    let from = text.as_ptr() as usize;
    let words = text.split_whitespace();
    words
        .map(|word| (word.as_ptr() as usize - from, word.as_ptr() as usize - from + word.len()))
        .collect()
}

fn is_device(word: &str) -> bool {
    word.starts_with("/dev/")
}

/// Whether a word is the display of the host before it: a device, a display of X, or the host's name again and more.
fn is_display_of(word: &str, host: &str) -> bool {
    let repeats = word.get(..host.len()).is_some_and(|head| head.eq_ignore_ascii_case(host));
    let of_x = word.rsplit_once(':').is_some_and(|(_, number)| {
        let digits = number.replace('.', "");
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    is_device(word) || of_x || repeats
}

/// Where the name of a person ends who has more than one name. At least the host and a display are left.
fn behind_person<'a>(words: impl ExactSizeIterator<Item = &'a str>) -> usize {
    let most = words.len() - 2;
    words.take(most).take_while(|word| is_personal(word)).count().max(1)
}

/// `Jane`, `Jr.`: one capital, then small letters.
fn is_personal(word: &str) -> bool {
    let mut letters = word.trim_end_matches('.').chars();
    letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of a line in, user | host | display out.
    #[track_caller]
    fn check(who: &str, expected: &str) {
        let hosts = Hosts::of(["bob elm elm:0", "cy oak1 x y"].into_iter());
        let Who { user, host, display } = hosts.split(who);
        let told = [user, host.unwrap_or("-"), display.unwrap_or("-")].join(" | ");
        assert_eq!(told, expected);
    }

    #[test]
    fn three_words_are_user_host_and_display() {
        check("ann pine pine", "ann | pine | pine");
        check("Ann Pine /dev/tty", "Ann | Pine | /dev/tty");
        check("1 PC-07 PC-07", "1 | PC-07 | PC-07");
        check("Admin SRV1 |)8<fZ)=Y[<7L$lY-p", "Admin | SRV1 | |)8<fZ)=Y[<7L$lY-p");
    }

    #[test]
    fn display_or_host_may_be_missing() {
        check("ann ann", "ann | ann | -");
        check("ann /dev/pts/1", "ann | - | /dev/pts/1");
        check("ann", "ann | - | -");
    }

    #[test]
    fn display_shows_what_is_before_it() {
        check("Acme FAE4 LAPTOP-Q6 LAPTOP-Q6", "Acme FAE4 | LAPTOP-Q6 | LAPTOP-Q6");
        check("ann maria pc12 pc120.0", "ann maria | pc12 | pc120.0");
        check("ann pine.site /dev/tty feature=cad_2", "ann | pine.site | /dev/tty feature=cad_2");
        check("ann app6.site ws0.site:0 APS Base", "ann | app6.site | ws0.site:0 APS Base");
        check("ann pine pine:1 Place One", "ann | pine | pine:1 Place One");
    }

    #[test]
    fn known_host_is_one_again() {
        check("ann b elm what ever", "ann b | elm | what ever");
    }

    #[test]
    fn person_of_several_names_has_no_host_in_them() {
        check("John Doe John_D \"U,K$`Ct iQ<&!", "John Doe | John_D | \"U,K$`Ct iQ<&!");
        check("Jane Doe Jr. jane icc&f3rU7", "Jane Doe Jr. | jane | icc&f3rU7");
        check("ann pc1 DRAW07 NODE:Modeler", "ann | pc1 | DRAW07 NODE:Modeler");
        check("Ann Bo Cy Di", "Ann Bo | Cy | Di");
    }
}
