//! Tables of plain text: a line a row, columns two blanks apart. Where they are shown on a terminal that is too narrow
//! for them, columns that matter less are left out and long names are cut, and nothing is broken into two lines.

use pgcoffer::text::escaped;

use super::{
    styled::{Style, Styled, cut, width},
    terminal,
};

/// Blanks between two columns.
const GAP: usize = 2;

/// Columns that a table is made for where it goes elsewhere than to a terminal.
const USUAL_COLUMNS: usize = 80;

/// When a column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Never,
    Always,
    /// As long as there is room: the highest number is left out first.
    IfRoom(u8),
}

#[derive(Debug)]
struct Column {
    head: String,
    shown: Shown,
    is_right: bool,
    /// To how many columns its cells may be cut.
    least: Option<usize>,
    /// The columns that its cells usually take: what is shown doesn't change with the age of a backup.
    usual: usize,
}

/// How much of a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// All of it, however long its lines are.
    Everything,
    /// As many columns as a terminal of that width has room for, cells cut to fit.
    Terminal(usize),
    /// The columns of a usual terminal, and no cell cut: another program reads them, line by line.
    Lines,
}

impl Room {
    /// That of standard output; everything where that was asked for.
    pub(super) fn of_stdout(is_wide: bool) -> Self {
        match (is_wide, terminal::stdout_columns()) {
            (true, _) => Self::Everything,
            (false, Some(columns)) => Self::Terminal(columns),
            (false, None) => Self::Lines,
        }
    }
}

/// A table. Each cell may come from outside: it is escaped before its width is taken.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table with these heads, whose columns are all shown always.
    pub(super) fn new<T: Into<String>>(heads: impl IntoIterator<Item = T>) -> Self {
        let columns = heads.into_iter().map(|head| Column {
            head: head.into(),
            shown: Shown::Always,
            is_right: false,
            least: None,
            usual: 0,
        });
        Self {
            columns: columns.collect(),
            rows: Vec::new(),
        }
    }

    /// Has these columns end at the right.
    pub(super) fn right(mut self, columns: &[usize]) -> Self {
        for index in columns {
            self.columns[*index].is_right = true;
        }
        self
    }

    /// Has these columns left out where there is no room, the last of them first.
    pub(super) fn if_room(mut self, columns: &[usize]) -> Self {
        for (order, index) in (0..).zip(columns) {
            self.columns[*index].shown = Shown::IfRoom(order);
        }
        self
    }

    /// Has columns be taken for as wide as their cells usually are, when it is decided what there is room for.
    pub(super) fn usual(mut self, widths: &[(usize, usize)]) -> Self {
        for (index, usual) in widths {
            self.columns[*index].usual = *usual;
        }
        self
    }

    /// Has the cells of a column cut to that width where there is no room.
    pub(super) fn cut(mut self, column: usize, least: usize) -> Self {
        self.columns[column].least = Some(least);
        self
    }

    /// The table without these columns.
    pub(super) fn without(mut self, columns: &[usize]) -> Self {
        for index in columns {
            self.columns[*index].shown = Shown::Never;
        }
        self
    }

    pub(super) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.styled_row(cells.into_iter().map(|cell| (Style::Plain, cell.into())));
    }

    pub(super) fn styled_row(&mut self, cells: impl IntoIterator<Item = (Style, String)>) {
        let cells = cells
            .into_iter()
            .map(|(style, cell)| (style, escaped(&cell).into_owned()));
        self.rows.push(cells.collect());
    }

    /// The lines, each with its end.
    pub(super) fn lines(&self, room: Room) -> Styled {
        let mark = if terminal::is_utf8() { "…" } else { "..." };
        self.lines_with(room, mark)
    }

    fn lines_with(&self, room: Room, mark: &str) -> Styled {
        let widths = self.widths(room);
        let heads = self.columns.iter().map(|column| (Style::Head, column.head.as_str()));
        let mut text = self.line(heads, &widths, mark);
        for row in &self.rows {
            let cells = row.iter().map(|(style, cell)| (*style, cell.as_str()));
            text.append(self.line(cells, &widths, mark));
        }
        text
    }

    fn line<'a>(&self, cells: impl Iterator<Item = (Style, &'a str)>, widths: &[Option<usize>], mark: &str) -> Styled {
        let mut line = Styled::default();
        // blanks before the next cell: none end a line
        let mut blanks = 0;
        for ((style, cell), (column, wide)) in cells.zip(self.columns.iter().zip(widths)) {
            let Some(wide) = *wide else {
                continue;
            };
            let cell = cut(cell, wide, mark);
            let pad = wide - width(&cell).min(wide);
            let (before, after) = if column.is_right { (pad, 0) } else { (0, pad) };
            if !cell.is_empty() {
                line.push_str(&" ".repeat(blanks + before));
                line.push(style, cell);
                blanks = after + GAP;
            } else {
                blanks += wide + GAP;
            }
        }
        line.push_str("\n");
        line
    }

    /// The width of each column that is shown.
    fn widths(&self, room: Room) -> Vec<Option<usize>> {
        let natural: Vec<usize> = (0..self.columns.len()).map(|index| self.natural(index)).collect();
        let is_shown = |index: &usize| self.columns[*index].shown != Shown::Never;
        let mut widths: Vec<Option<usize>> = (0..natural.len())
            .map(|index| Some(index).filter(is_shown).map(|index| natural[index]))
            .collect();
        let columns = match room {
            Room::Everything => return widths,
            Room::Terminal(columns) => columns,
            Room::Lines => USUAL_COLUMNS,
        };
        let least = |index: usize| self.least(index, natural[index]);
        let usual = |index: usize| least(index).max(self.columns[index].usual);
        while total((0..widths.len()).filter(|index| widths[*index].is_some()).map(usual)) > columns {
            let Some(index) = self.leaves_first(&widths) else {
                break;
            };
            widths[index] = None;
        }
        if room != Room::Lines {
            for index in 0..widths.len() {
                let excess = total(widths.iter().flatten().copied()).saturating_sub(columns);
                if let Some(wide) = &mut widths[index] {
                    *wide -= excess.min(*wide - least(index));
                }
            }
        }
        widths
    }

    fn natural(&self, index: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let widest = cells.map(|(_, cell)| width(cell)).max().unwrap_or(0);
        widest.max(width(&self.columns[index].head))
    }

    /// The least width of a column, whose head is never cut.
    fn least(&self, index: usize, natural: usize) -> usize {
        let column = &self.columns[index];
        column
            .least
            .map_or(natural, |least| natural.min(least.max(width(&column.head))))
    }

    /// The column that matters least of those that are still shown and needn't be.
    fn leaves_first(&self, widths: &[Option<usize>]) -> Option<usize> {
        let shown = self
            .columns
            .iter()
            .enumerate()
            .filter(|(index, _)| widths[*index].is_some());
        let optional = shown.filter_map(|(index, column)| match column.shown {
            Shown::IfRoom(order) => Some((order, index)),
            Shown::Always | Shown::Never => None,
        });
        optional.max().map(|(_, index)| index)
    }
}

fn total(widths: impl Iterator<Item = usize>) -> usize {
    widths.map(|wide| wide + GAP).sum::<usize>().saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let heads = ["ID", "DATABASE", "AGE", "STORED", "STATUS"];
        let mut table = Table::new(heads).right(&[3]).if_room(&[2, 3]).cut(1, 10);
        table.row(["rkro", "warehouse_of_the_north", "3 h ago", "1.21 MiB", "good"]);
        table.row(["pp", "倉庫データベースの名前", "now", "9 B", "failed"]);
        table
    }

    fn lines(room: Room) -> Vec<String> {
        let text = table().lines_with(room, "…").to_string();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn everything_is_shown_where_that_was_asked_for() {
        assert_eq!(
            lines(Room::Everything),
            [
                "ID    DATABASE                AGE        STORED  STATUS",
                "rkro  warehouse_of_the_north  3 h ago  1.21 MiB  good",
                "pp    倉庫データベースの名前  now           9 B  failed",
            ]
        );
        assert_eq!(lines(Room::Lines), lines(Room::Everything));
        assert_eq!(lines(Room::Terminal(56)), lines(Room::Everything));
    }

    #[test]
    fn names_are_cut_first_and_columns_left_out_then() {
        assert_eq!(
            lines(Room::Terminal(48)),
            [
                "ID    DATABASE         AGE        STORED  STATUS",
                "rkro  warehouse_of_t…  3 h ago  1.21 MiB  good",
                "pp    倉庫データベー…  now           9 B  failed",
            ]
        );
        assert_eq!(
            lines(Room::Terminal(34)),
            [
                "ID    DATABASE     AGE      STATUS",
                "rkro  warehouse_…  3 h ago  good",
                "pp    倉庫データ…  now      failed",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for columns in 24..120 {
            for line in lines(Room::Terminal(columns)) {
                assert!(width(&line) <= columns, "{columns}: {line}");
            }
        }
    }
}
