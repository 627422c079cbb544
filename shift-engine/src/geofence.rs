//! Whether a place is inside a site: great-circle distance on a sphere, in fixed-point numbers.
//!
//! Both places become points on the unit sphere. Distance along the sphere grows with the straight chord through it,
//! so it is enough to compare the chord with that of the radius. Numbers have `ONE` as their 1: fine enough that a
//! centimetre counts.

/// A place in ten-millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// North positive; at most 90 degrees.
    pub latitude_e7: i64,
    /// East positive; at most 180 degrees.
    pub longitude_e7: i64,
}

/// Fixed-point 1.
const ONE: i128 = 1_000_000_000_000_000;
/// Pi, likewise.
const PI: i128 = 3_141_592_653_589_793;
/// Mean radius of the earth, metres (IUGG).
const EARTH_M: i128 = 6_371_009;

/// Whether a point is at most so many metres from a centre.
#[must_use]
pub fn is_inside(centre: Place, radius_m: u32, point: Place) -> bool {
    // Half the way around the earth is as far as one can be.
    let angle = (i128::from(radius_m) * ONE / EARTH_M).min(PI);
    let limit = 2 * sine(angle / 2);
    let (a, b) = (on_sphere(centre), on_sphere(point));
    let chord_squared: i128 = (0..3).map(|axis| (a[axis] - b[axis]).pow(2)).sum();
    chord_squared <= limit * limit
}

/// How far a point is from a centre, whole metres, rounded up.
#[must_use]
pub fn distance_m(centre: Place, point: Place) -> u32 {
    // Nobody is farther than half the way around: the circles are tried out.
    let (mut inside, mut outside) = (20_100_000, 0);
    if is_inside(centre, 0, point) {
        return 0;
    }
    while inside - outside > 1 {
        let middle = outside + (inside - outside) / 2;
        if is_inside(centre, middle, point) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    inside
}

fn on_sphere(place: Place) -> [i128; 3] {
    let radians = |e7: i64| i128::from(e7) * PI / 1_800_000_000;
    let (latitude, longitude) = (radians(place.latitude_e7), radians(place.longitude_e7));
    let flat = cosine(latitude);
    [flat * cosine(longitude) / ONE, flat * sine(longitude) / ONE, sine(latitude)]
}

fn cosine(angle: i128) -> i128 {
    sine(angle + PI / 2)
}

/// The sine by its series, the angle brought near zero first, where few terms are enough.
fn sine(angle: i128) -> i128 {
    let turned = angle.rem_euclid(2 * PI);
    let (half, sign) = if turned > PI { (turned - PI, -1) } else { (turned, 1) };
    let near = half.min(PI - half);
    let square = near * near / ONE;
    let mut term = near;
    let mut sum = near;
    for n in 1..=12 {
        term = -term * square / ONE / (2 * n * (2 * n + 1));
        sum += term;
    }
    sign * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude_e7: i64, longitude_e7: i64) -> Place {
        Place { latitude_e7, longitude_e7 }
    }

    #[test]
    fn sines_are_right_to_the_last_digits() {
        for (degrees, expected) in
            [(0, 0), (30, ONE / 2), (90, ONE), (150, ONE / 2), (210, -ONE / 2), (270, -ONE)]
        {
            let angle = degrees * PI / 180;
            assert!((sine(angle) - expected).abs() < 100, "{degrees}: {}", sine(angle));
        }
    }

    #[test]
    fn a_minute_of_latitude_is_a_nautical_mile_everywhere() {
        // 1/60 degree is 1853.25 m on this sphere.
        for (from, to) in [
            (place(0, 0), place(166_667, 0)),
            (place(237_000_000, 904_000_000), place(237_166_667, 904_000_000)),
        ] {
            assert!(is_inside(from, 1854, to));
            assert!(!is_inside(from, 1853, to));
        }
    }

    #[test]
    fn a_distance_is_that_of_the_smallest_circle() {
        assert_eq!(distance_m(place(0, 0), place(166_667, 0)), 1854);
        assert_eq!(distance_m(place(237_000_000, 904_000_000), place(237_000_000, 904_000_000)), 0);
        let far = distance_m(place(0, 0), place(0, 1_800_000_000));
        assert!((20_015_000..20_016_000).contains(&far), "{far}: half the way around");
    }

    #[test]
    fn the_date_line_and_the_poles_are_no_border() {
        assert!(is_inside(place(0, 1_799_999_000), 30, place(0, -1_799_999_000)));
        assert!(is_inside(place(899_999_000, 0), 30, place(899_999_000, 1_800_000_000)));
        assert!(!is_inside(place(0, 0), 20_000_000, place(0, 1_800_000_000)));
        assert!(is_inside(place(0, 0), u32::MAX, place(0, 1_800_000_000)));
    }

    #[test]
    fn the_place_itself_is_inside() {
        assert!(is_inside(place(237_000_000, 904_000_000), 0, place(237_000_000, 904_000_000)));
    }
}
