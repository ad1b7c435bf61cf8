//! A pretend license server: writes lines in the shape that DSLS writes, about people who do not exist.
//!
//! It shares no code with the parsers. The same seed gives the same lines.
//! Source: the shapes of `STARTSERVER`, `USGTRACING` and `LICENSESERV` lines in real `LicenseServer*.log` files.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::dice::Dice;

/// A feature that this server serves, and its seats.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// The name.
    pub feature: &'static str,
    /// Seats bought.
    pub seats: usize,
    /// How long a session lasts as a rule.
    pub session: SignedDuration,
}

/// What a small design office owns.
pub const PRODUCTS: [Product; 5] = [
    Product { feature: "CAC", seats: 4, session: SignedDuration::from_mins(110) },
    Product { feature: "CAC-MCE", seats: 6, session: SignedDuration::from_mins(150) },
    Product { feature: "YM2-FTA", seats: 2, session: SignedDuration::from_mins(45) },
    Product { feature: "HD2-PRX", seats: 3, session: SignedDuration::from_mins(75) },
    Product { feature: "SMT", seats: 2, session: SignedDuration::from_mins(30) },
];

/// Login and computer of each person.
const PEOPLE: [(&str, &str); 12] = [
    ("alindqvist", "CADWS0113"),
    ("bferrari", "CADWS0117"),
    ("cnovak", "CADWS0121"),
    ("dokafor", "CADWS0124"),
    ("ehaugen", "CADWS0128"),
    ("fmoreau", "CADWS0133"),
    ("gkowalski", "CADWS0135"),
    ("htanaka", "CADWS0140"),
    ("Ida.Sand", "CADLT0007"),
    ("jpereira", "CADLT0011"),
    ("kbrandt", "CADLT0012"),
    ("lrossi", "CADLT0019"),
];

/// A moment of the pretend world, so many seconds after a Monday morning.
#[must_use]
pub fn moment(second: i64) -> Timestamp {
    Timestamp::constant(1_762_156_800 + second, 0)
}

/// A session that this server has granted and not ended.
#[derive(Clone, Debug)]
pub struct Open {
    /// The session id, which pairs its lines.
    pub id: String,
    /// The person, by number.
    pub person: usize,
    /// The product, by number in [`PRODUCTS`].
    pub product: usize,
    /// The client gives it back then, or has fallen silent.
    pub due: Timestamp,
}

/// The server.
#[derive(Clone, Debug)]
pub struct Vendor {
    zone: TimeZone,
    dice: Dice,
    session_next: u64,
    open: Vec<Open>,
    pace: i32,
}

impl Vendor {
    /// A server that writes times of `zone`.
    #[must_use]
    pub fn new(seed: u64, zone: TimeZone) -> Self {
        let session_next = 0x2000_0198_0000_0000 + (seed << 24);
        Self { zone, dice: Dice::new(seed), session_next, open: Vec::new(), pace: 1 }
    }

    /// From `now` on, people work `pace` times as fast; open sessions end that much sooner.
    pub fn hurry(&mut self, now: Timestamp, pace: i32) {
        for open in &mut self.open {
            open.due = now + now.duration_until(open.due) / pace;
        }
        self.pace *= pace;
    }

    /// The name of the file that a server started at `started` writes.
    #[must_use]
    pub fn file_name(&self, started: Timestamp) -> String {
        let local = started.to_zoned_datetime(self.zone.clone());
        format!("LicenseServer{}.log", local.strftime("%Y%m%d%H%M%S"))
    }

    /// The lines of a start.
    #[must_use]
    pub fn banner(&self, at: Timestamp) -> String {
        let texts = [
            ("STARTSERVER", "Server version 6.426.0 built on Sep 5, 2023 8:04:34 PM"),
            ("STARTSERVER", "Start server options []."),
            ("STARTSERVER", "Java version \"17.0.8.1\" - Windows Server 2022"),
            ("LICENSEDATA", "Activating group 2 for license id QXKB7-MN2RD-W4TZE-8HPLC-V6YAS"),
            (
                "STARTSERVER",
                "Computer name nordvik-lic1, computerId TPW-5D1E90A7C3B24F68 (based on device Ethernet Connection)",
            ),
            ("LICENSESERV", "Licensing service started"),
            ("STARTSERVER", "Ready: administration port 4084, licensing port 4085"),
        ];
        texts.iter().map(|(category, text)| self.line(at, 'I', category, text)).collect()
    }

    /// The line that a stop writes.
    #[must_use]
    pub fn stopped(&self, at: Timestamp) -> String {
        self.line(at, 'I', "STOPSERVER", "License server stopped")
    }

    /// The line of the monthly statistics.
    #[must_use]
    pub fn statistics(&self, at: Timestamp) -> String {
        let stamp = at.to_zoned_datetime(self.zone.clone()).strftime("%Y%m%d%H%M%S");
        let folder = r"C:\ProgramData\DassaultSystemes\LicenseServer\LogFiles";
        let text = format!("File {folder}\\LicenseUsage{stamp}.stat has been generated.");
        self.line(at, 'I', "STATISTICS", &text)
    }

    /// Grants a session of a product to a person, seats or not.
    pub fn grant(&mut self, at: Timestamp, person: usize, product: usize) -> String {
        let (person, product) = (person % PEOPLE.len(), product % PRODUCTS.len());
        let id = format!("{:016X}", self.session_next);
        self.session_next += 1 + self.dice.below(3);
        let due = at + self.length(PRODUCTS[product].session) / self.pace;
        let open = Open { id, person, product, due };
        let line = self.trace(at, "Grant", &open);
        self.open.push(open);
        line
    }

    /// Ends a session as the client does. `None` where no session is open.
    pub fn detach(&mut self, at: Timestamp) -> Option<String> {
        self.end(at, "Detachment")
    }

    /// Ends a session whose client fell silent. `None` where no session is open.
    pub fn time_out(&mut self, at: Timestamp) -> Option<String> {
        self.end(at, "TimeOut")
    }

    /// Refuses a product to a person.
    #[must_use]
    pub fn denial(&self, at: Timestamp, person: usize, product: usize, reason: &str) -> String {
        let client = Client::of(person);
        let text = format!(
            "{} not granted, {reason} ( from client {}/{}|{}|{}|{} )",
            PRODUCTS[product % PRODUCTS.len()].feature,
            client.host(),
            client.address(),
            client.user,
            client.internal_id(),
            PROCESS
        );
        self.line(at, 'W', "LICENSESERV", &text)
    }

    /// Sessions granted and not ended, oldest first.
    #[must_use]
    pub fn open(&self) -> &[Open] {
        &self.open
    }

    /// What happens next in the office at `at`: a session ends when its time has come, else somebody asks for a product.
    pub fn something(&mut self, at: Timestamp) -> String {
        if let Some(place) = self.open.iter().position(|open| open.due <= at) {
            let action = if self.dice.below(100) < 60 { "TimeOut" } else { "Detachment" };
            let open = self.open.remove(place);
            return self.trace(at, action, &open);
        }
        self.asked(at)
    }

    /// Somebody asks for a product.
    pub fn asked(&mut self, at: Timestamp) -> String {
        let person = self.dice.pick(PEOPLE.len());
        let product = self.dice.pick(PRODUCTS.len());
        let mut people: Vec<usize> = self
            .open
            .iter()
            .filter(|open| open.product == product)
            .map(|open| open.person)
            .collect();
        people.sort_unstable();
        people.dedup();
        let is_free = people.contains(&person) || people.len() < PRODUCTS[product].seats;
        match self.dice.below(60) {
            0 => {
                let reason = format!("user {} not authorized", PEOPLE[person].0);
                self.denial(at, person, product, &reason)
            }
            _ if is_free => self.grant(at, person, product),
            _ => self.denial(at, person, product, "no more available license"),
        }
    }

    /// When the next thing happens, `mean` after `at` on average.
    pub fn next_after(&mut self, at: Timestamp, mean: SignedDuration) -> Timestamp {
        at + self.length(mean)
    }

    /// About `mean`: between a tenth and twice of it.
    fn length(&mut self, mean: SignedDuration) -> SignedDuration {
        let mean_ms = u64::try_from(mean.as_millis()).expect("a short span");
        let length_ms = mean_ms / 10 + self.dice.below(mean_ms * 19 / 10 + 1);
        SignedDuration::from_millis(i64::try_from(length_ms).expect("a short span"))
    }

    fn end(&mut self, at: Timestamp, action: &str) -> Option<String> {
        if self.open.is_empty() {
            return None;
        }
        let open = self.open.remove(self.dice.pick(self.open.len()));
        Some(self.trace(at, action, &open))
    }

    /// A line of usage tracing with its 13 fields.
    fn trace(&self, at: Timestamp, action: &str, open: &Open) -> String {
        let client = Client::of(open.person);
        let text = format!(
            "{action}!!{}!{}!Dassault Systemes V5!ConcurrentUser!1!STD!{}!{}!{}!{}!{PROCESS}!5.34!ALC",
            PRODUCTS[open.product].feature,
            open.id,
            client.host(),
            client.address(),
            client.user,
            client.internal_id(),
        );
        self.line(at, 'I', "USGTRACING", &text)
    }

    /// Time, severity, the category in eleven columns, and the message.
    fn line(&self, at: Timestamp, severity: char, category: &str, text: &str) -> String {
        let local = at.to_zoned_datetime(self.zone.clone());
        let stamp = local.strftime("%Y/%m/%d %H:%M:%S");
        format!("{stamp}:{:03} {severity} {category:<11} {text}\n", local.millisecond())
    }
}

const PROCESS: &str = r"C:\Program Files\Dassault Systemes\B34\win_b64\code\bin\CNEXT.exe";

/// A person at a computer, as the lines name them.
#[derive(Clone, Copy, Debug)]
struct Client {
    person: usize,
    user: &'static str,
    computer: &'static str,
}

impl Client {
    fn of(person: usize) -> Self {
        let person = person % PEOPLE.len();
        let (user, computer) = PEOPLE[person];
        Self { person, user, computer }
    }

    fn hardware(self) -> String {
        let id = (self.person as u64 + 3).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("{id:016X}")
    }

    fn host(self) -> String {
        format!(
            "{} ({}-0a2e1f{:02x}.{})",
            self.computer,
            self.hardware(),
            self.person + 17,
            self.person % 4 + 1
        )
    }

    fn address(self) -> String {
        format!("10.46.31.{}", self.person + 17)
    }

    fn internal_id(self) -> String {
        format!(
            "{}@NORDVIK.S-1-5-21-2871640031-1190457722-3306718854-{}.0A2E1F{:02X}.{}.VQH-{}",
            self.user.to_uppercase(),
            1200 + self.person,
            self.person + 17,
            self.person % 4 + 1,
            self.hardware()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor() -> Vendor {
        Vendor::new(7, TimeZone::UTC)
    }

    fn noon() -> Timestamp {
        moment(4 * 3600) + SignedDuration::from_millis(250)
    }

    #[test]
    fn a_grant_has_thirteen_fields() {
        let line = vendor().grant(noon(), 1, 1);
        assert!(
            line.starts_with("2025/11/03 12:00:00:250 I USGTRACING  Grant!!CAC-MCE!20000198"),
            "{line}"
        );
        assert_eq!(line.split_once("!!").unwrap().1.split('!').count(), 13);
        assert_eq!(line.find("Grant"), Some(38));
    }

    #[test]
    fn a_denial_names_the_client() {
        let line = vendor().denial(noon(), 0, 0, "no more available license");
        let start = "2025/11/03 12:00:00:250 W LICENSESERV CAC not granted, no more available license ( from client CADWS0113 (";
        assert!(line.starts_with(start), "{line}");
        assert!(line.ends_with("CNEXT.exe )\n"), "{line}");
    }

    #[test]
    fn an_end_has_the_fields_of_its_grant() {
        let mut vendor = vendor();
        let grant = vendor.grant(noon(), 3, 0);
        let end = vendor.time_out(noon()).unwrap();
        assert_eq!(grant.replace("Grant", "TimeOut"), end);
        assert_eq!(vendor.detach(noon()), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_lines() {
        let lines = |seed| {
            let mut vendor = Vendor::new(seed, TimeZone::UTC);
            (0..50).map(|_| vendor.something(noon())).collect::<String>()
        };
        assert_eq!(lines(1), lines(1));
        assert_ne!(lines(1), lines(2));
    }

    #[test]
    fn a_file_is_named_by_its_start() {
        assert_eq!(vendor().file_name(noon()), "LicenseServer20251103120000.log");
    }
}
