//! QR codes of the sheet's secrets: a camera types a key without a slip. On a page of level Q, which a crease or a stain on
//! the paper doesn't spoil; in text of level L, whose code is smaller. <https://www.iso.org/standard/83389.html>

use qrcodegen_no_heap::{QrCode, QrCodeEcc, Version};
use zeroize::Zeroizing;

/// The light margin that a reader needs, in modules.
const MARGIN: usize = 4;
/// The largest version: what has more characters is no key, and would be too fine for a camera.
const VERSION_MAX: Version = Version::new(14);
/// The width of the code itself on paper, in millimetres, without its margin.
const WIDTH_MM: usize = 42;

/// A QR code, which shows the secret that it holds.
pub(super) struct Code {
    /// Modules in a row, without the margin.
    size: usize,
    /// Row by row, 1 for a dark one.
    modules: Zeroizing<Vec<u8>>,
}

impl Code {
    /// The code of a text. None where it is too long, or holds what readers take for other characters.
    pub(super) fn new(text: &str) -> Option<Self> {
        Self::of_level(text, QrCodeEcc::Quartile)
    }

    /// The same in fewer modules.
    pub(super) fn small(text: &str) -> Option<Self> {
        Self::of_level(text, QrCodeEcc::Low)
    }

    fn of_level(text: &str, level: QrCodeEcc) -> Option<Self> {
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        let mut scratch = Zeroizing::new(vec![0; VERSION_MAX.buffer_len()]);
        let mut modules = Zeroizing::new(vec![0; VERSION_MAX.buffer_len()]);
        let code = QrCode::encode_text(
            text,
            &mut scratch,
            &mut modules,
            level,
            Version::MIN,
            VERSION_MAX,
            None,
            true,
        );
        let code = code.ok()?;
        let side = code.size();
        let size = usize::try_from(side).ok()?;
        // of its full length from the beginning: what grows leaves copies of a secret behind
        let mut modules = Zeroizing::new(Vec::with_capacity(size * size));
        for y in 0..side {
            modules.extend((0..side).map(|x| u8::from(code.get_module(x, y))));
        }
        Some(Self { size, modules })
    }

    /// Whether a module is dark; the margin, and what is beyond it, is light.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < self.size);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.modules[y * self.size + x] == 1,
            _ => false,
        }
    }

    /// Modules in a row, with the margin.
    fn side(&self) -> usize {
        self.size + 2 * MARGIN
    }

    /// As an element of HTML, more than four centimetres wide on paper.
    pub(super) fn svg(&self) -> Zeroizing<String> {
        let side = self.side();
        let width = (WIDTH_MM * side).div_ceil(self.size);
        let mut svg = Zeroizing::new(String::with_capacity(side * side * 16));
        svg.push_str(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{width}mm\" viewBox=\"0 0 {side} \
             {side}\" shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path \
             fill=\"#000\" d=\""
        ));
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let run = (x..side).take_while(|x| self.is_dark(*x, y)).count();
                if run > 0 {
                    svg.push_str(&format!("M{x} {y}h{run}v1h-{run}z"));
                }
                x += run.max(1);
            }
        }
        svg.push_str("\"/></svg>");
        svg
    }

    /// As lines of text, two rows of modules in each, dark where there is ink. The rows above and below are the margin's
    /// only as far as a line of text has none itself.
    pub(super) fn text(&self) -> Zeroizing<String> {
        let side = self.side();
        let mut text = Zeroizing::new(String::with_capacity(side * side * 2));
        for y in (0..side).step_by(2) {
            for x in 0..side {
                text.push(match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            let length = text.trim_end_matches(' ').len();
            text.truncate(length);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    const KEY: &str = "PGCOFFER-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0STCTJK6";

    /// What another library reads out of an image of so many modules a side.
    fn read(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        const PIXELS: usize = 4;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * PIXELS, side * PIXELS, |x, y| {
            if is_dark(x / PIXELS, y / PIXELS) { 0 } else { 255 }
        });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn another_library_reads_what_was_written() {
        for text in [
            KEY.to_owned(),
            format!("{KEY}@2026-11-29"),
            "correct horse battery staple nine ten eleven".to_owned(),
            "~".repeat(200),
        ] {
            let code = Code::new(&text).unwrap();
            assert_eq!(read(code.side(), |x, y| code.is_dark(x, y)), text);
        }
    }

    #[test]
    fn it_is_read_from_lines_of_text_as_well() {
        let code = Code::small(KEY).unwrap();
        let text = code.text();
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let shown = |x: usize, y: usize| {
            let c = lines.get(y / 2).and_then(|line| line.get(x)).copied().unwrap_or(' ');
            matches!((c, y % 2), ('█', _) | ('▀', 0) | ('▄', 1))
        };
        assert_eq!(read(code.side(), shown), KEY);
        assert!(text.lines().all(|line| line.chars().count() <= 78));
    }

    /// The image is drawn as its path says, and is large enough on paper.
    #[test]
    fn it_is_read_from_the_page_as_well() {
        let code = Code::new(KEY).unwrap();
        let svg = code.svg();
        let width = svg.split_once("width=\"").unwrap().1.split_once("mm").unwrap().0;
        let width: usize = width.parse().unwrap();
        assert!(width * code.size / code.side() >= 40, "{width}");
        let path = svg.split_once("d=\"").unwrap().1.split_once('"').unwrap().0;
        let mut dark = vec![false; code.side() * code.side()];
        for run in path.split('M').skip(1) {
            let (start, rest) = run.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            dark[y * code.side() + x..][..length].fill(true);
        }
        assert_eq!(read(code.side(), |x, y| dark[y * code.side() + x]), KEY);
    }

    #[test]
    fn what_cameras_read_otherwise_gets_none() {
        assert!(Code::new("pässphrase").is_none());
        assert!(Code::new(&"x".repeat(2000)).is_none());
    }
}
