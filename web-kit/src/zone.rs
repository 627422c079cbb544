//! Time zones to choose from.

use chrono_tz::Tz;

/// Zones where garments are made come first.
const USUAL: [Tz; 12] = [
    Tz::Asia__Dhaka,
    Tz::Asia__Kolkata,
    Tz::Asia__Karachi,
    Tz::Asia__Colombo,
    Tz::Asia__Kathmandu,
    Tz::Asia__Yangon,
    Tz::Asia__Phnom_Penh,
    Tz::Asia__Ho_Chi_Minh,
    Tz::Asia__Jakarta,
    Tz::Asia__Shanghai,
    Tz::Africa__Addis_Ababa,
    Tz::Europe__Istanbul,
];

/// Value and label of every place's zone for a select field, after an empty one that asks to choose.
#[must_use]
pub fn choices(choose: impl Into<String>) -> Vec<(String, String)> {
    let choice = |zone: &Tz| (zone.name().to_owned(), zone.name().replace('_', " "));
    let mut all: Vec<&Tz> = chrono_tz::TZ_VARIANTS
        .iter()
        .filter(|zone| zone.name().contains('/') && !zone.name().starts_with("Etc/"))
        .collect();
    all.sort_by_key(|zone| zone.name());
    let rest = all.into_iter().filter(|zone| !USUAL.contains(zone));
    let none = (String::new(), choose.into());
    std::iter::once(none).chain(USUAL.iter().chain(rest).map(choice)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_there_once_and_is_a_zone() {
        let mut zones: Vec<String> = choices("…").into_iter().skip(1).map(|(zone, _)| zone).collect();
        assert_eq!(zones[0], "Asia/Dhaka");
        assert!(zones.iter().all(|zone| zone.parse::<Tz>().is_ok()));
        let count = zones.len();
        zones.sort();
        zones.dedup();
        assert_eq!(zones.len(), count);
    }
}
