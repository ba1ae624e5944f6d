//! A catalog of any size by seed, English and Thai, and what people type to find something in it.

use onsale_fuzz::Random;
use onsale_schemas::EventId;
use onsale_search::{Availability, Document, Prices};
use uuid::Uuid;

pub(crate) const NOW_MS: u64 = 1_790_000_000_000;
const DAY_MS: u64 = 86_400_000;

const KINDS: &[(&str, &str)] = &[
    ("Concert", "คอนเสิร์ต"),
    ("Theatre", "ละครเวที"),
    ("Sport", "กีฬา"),
    ("Festival", "เทศกาลดนตรี"),
    ("Comedy", "เดี่ยวไมโครโฟน"),
    ("Exhibition", "นิทรรศการ"),
    ("Dance", "การแสดงเต้นรำ"),
    ("Opera", "โอเปรา"),
    ("Workshop", "เวิร์กช็อป"),
    ("Family", "ครอบครัว"),
    ("Talk", "งานเสวนา"),
    ("Film", "ภาพยนตร์"),
];
const ENGLISH: &[&str] = &[
    "night",
    "live",
    "summer",
    "golden",
    "river",
    "world",
    "tour",
    "acoustic",
    "silent",
    "midnight",
    "garden",
    "electric",
    "blue",
    "moon",
    "street",
    "winter",
    "dream",
    "festival",
    "open",
    "air",
    "classic",
    "rhythm",
    "shadow",
    "light",
    "ocean",
    "fire",
    "city",
    "stories",
    "symphony",
    "jazz",
    "rock",
    "folk",
    "evening",
    "grand",
    "final",
    "championship",
    "cup",
    "league",
    "comedy",
    "hour",
    "best",
    "new",
    "return",
    "anniversary",
    "special",
    "guests",
    "tickets",
    "doors",
    "stage",
    "music",
    "dance",
    "theatre",
    "family",
    "children",
    "show",
    "exclusive",
    "legend",
    "sunset",
    "harbour",
    "island",
    "mountain",
    "forest",
    "crystal",
    "velvet",
    "paper",
    "glass",
    "iron",
    "wild",
    "lost",
];
const THAI: &[&str] = &[
    "คืน",
    "ฤดูร้อน",
    "แม่น้ำ",
    "ความฝัน",
    "แสงจันทร์",
    "ดนตรี",
    "เสียง",
    "หัวใจ",
    "รัก",
    "ทะเล",
    "ภูเขา",
    "ดาว",
    "เพลง",
    "เต้นรำ",
    "การแสดง",
    "พิเศษ",
    "ครั้งใหญ่",
    "กลางแจ้ง",
    "เทศกาล",
    "ตำนาน",
    "สายฝน",
    "ดอกไม้",
    "เมือง",
    "วัฒนธรรม",
    "ศิลปะ",
    "เด็ก",
    "ครอบครัว",
    "สนุก",
    "ประเพณี",
    "ลอยกระทง",
    "สงกรานต์",
    "บัตร",
    "เวที",
    "ศิลปิน",
    "วงดนตรี",
    "ฉลอง",
    "ครบรอบ",
    "มหกรรม",
    "หนังสือ",
    "อาหาร",
];
const CITIES: &[(&str, &str)] = &[
    ("Bangkok", "กรุงเทพมหานคร"),
    ("Chiang Mai", "เชียงใหม่"),
    ("Phuket", "ภูเก็ต"),
    ("Khon Kaen", "ขอนแก่น"),
    ("Hat Yai", "หาดใหญ่"),
    ("Pattaya", "พัทยา"),
    ("Singapore", "สิงคโปร์"),
    ("London", "ลอนดอน"),
    ("München", "มิวนิก"),
    ("Zürich", "ซูริก"),
];
const ONSETS: &[&str] = &[
    "b", "br", "c", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "qu",
    "r", "s", "st", "t", "tr", "v", "w", "z",
];
const VOWELS: &[&str] = &["a", "e", "i", "o", "u", "ai", "ea", "oo"];
const ENDS: &[&str] = &["", "n", "r", "l", "s", "x", "m", "nd", "th"];

/// An invented word, always the same for the same number.
fn invented(number: usize) -> String {
    let mut random = Random::new(number as u64 + 77);
    let mut word = String::new();
    for _ in 0..2 + random.below(2) {
        word.push_str(ONSETS[random.below(ONSETS.len())]);
        word.push_str(VOWELS[random.below(VOWELS.len())]);
        word.push_str(ENDS[random.below(ENDS.len())]);
    }
    word
}

/// Smaller numbers far more often, as words and cities have it.
fn skewed(random: &mut Random, below: usize) -> usize {
    let one = random.below(1 << 20) as f64 / f64::from(1 << 20);
    ((one * one * one) * below as f64) as usize
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

fn person(number: usize) -> String {
    let first = capital(&invented(number % 700));
    let last = capital(&invented(1_000 + number / 3));
    format!("{first} {last}")
}

/// A document by its number: two in five are Thai.
pub(crate) fn document(number: usize, version: u64) -> Document {
    let mut random = Random::new((number as u64) << 8 | version & 0xff);
    let random = &mut random;
    let is_thai = random.below(5) < 2;
    let kind = KINDS[skewed(random, KINDS.len())];
    let place = skewed(random, 300);
    let city = match CITIES.get(place) {
        Some(city) if is_thai => city.1.to_owned(),
        Some(city) => city.0.to_owned(),
        None => capital(&invented(50_000 + place)),
    };
    let venue_word = capital(&invented(60_000 + place * 7 + random.below(7)));
    let performers: Vec<String> = (0..1 + random.below(3))
        .map(|_| person(skewed(random, 20_000)))
        .collect();
    let name = if is_thai {
        let words: String = (0..2 + random.below(2))
            .map(|_| THAI[random.below(THAI.len())])
            .collect();
        format!("{}{words} {}", kind.1, performers[0])
    } else {
        let words: Vec<String> = (0..2 + random.below(3))
            .map(|_| {
                if random.below(3) == 0 {
                    capital(&invented(100_000 + skewed(random, 40_000)))
                } else {
                    capital(ENGLISH[random.below(ENGLISH.len())])
                }
            })
            .collect();
        words.join(" ")
    };
    let description = if is_thai {
        (0..30)
            .map(|n| {
                let gap = if n % 6 == 5 { " " } else { "" };
                format!("{}{gap}", THAI[skewed(random, THAI.len())])
            })
            .collect()
    } else {
        let words: Vec<String> = (0..40)
            .map(|_| {
                if random.below(4) == 0 {
                    invented(100_000 + skewed(random, 40_000))
                } else {
                    ENGLISH[skewed(random, ENGLISH.len())].to_owned()
                }
            })
            .collect();
        words.join(" ")
    };
    let first_show_ms = NOW_MS - 30 * DAY_MS + random.below(400) as u64 * DAY_MS;
    let min = 100 * (1 + random.below(50)) as u64;
    Document {
        event_id: EventId(Uuid::from_u128(number as u128 * 0x9e37_79b9_7f4a_7c15_f39c)),
        version,
        tenant: format!("house-{}", skewed(random, 200)),
        name,
        description: Some(description),
        performers,
        venue: Some(if is_thai {
            format!("หอประชุม{venue_word}")
        } else {
            format!("{venue_word} Hall")
        }),
        city: Some(city),
        category: Some(if is_thai { kind.1 } else { kind.0 }.to_owned()),
        first_show_ms,
        last_show_ms: first_show_ms + random.below(3) as u64 * DAY_MS,
        prices: Some(Prices {
            min,
            max: min * 4,
            currency: if is_thai { *b"THB" } else { *b"EUR" },
        }),
        availability: match random.below(10) {
            0 => Availability::None,
            1 | 2 => Availability::Few,
            _ => Availability::Many,
        },
        is_published: random.below(20) > 0,
        popularity: skewed(random, 10_000) as u32,
    }
}

/// What somebody types, a beginning of it for suggestions; one in three with a typo.
pub(crate) fn typed(random: &mut Random, documents: usize) -> String {
    let document = document(random.below(documents), 1);
    let mut text = match random.below(6) {
        0 => document.performers[0].clone(),
        1 => document.venue.unwrap_or_default(),
        2 => document.city.unwrap_or_default(),
        3 => format!(
            "{} {}",
            document.category.unwrap_or_default(),
            document.city.unwrap_or_default()
        ),
        _ => document.name,
    };
    if random.below(3) == 0 {
        let mut chars: Vec<char> = text.chars().collect();
        let last = chars.len().saturating_sub(1);
        let at = random.below(last.max(1));
        match random.below(3) {
            0 => chars.swap(at, (at + 1).min(last)),
            1 => drop(chars.remove(at)),
            _ => chars.insert(at, 'e'),
        }
        text = chars.into_iter().collect();
    }
    text
}

/// The first letters of what somebody types.
pub(crate) fn beginning(random: &mut Random, documents: usize) -> String {
    let text = typed(random, documents);
    let letters = 1 + random.below(9);
    text.chars().take(letters).collect()
}
