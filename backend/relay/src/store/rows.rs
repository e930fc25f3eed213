//! Statements that write many rows at once: many single ones are four times slower than a few long ones.

use sqlx::{AnyConnection, AssertSqlSafe};

/// How many rows one statement carries. Few sizes, so that every statement is prepared once and kept
/// (a connection keeps a hundred), and few pieces: each is a way to the database and back.
pub(super) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let step = match rows.len() {
            0 => return None,
            1..=16 => 1,
            17..64 => 16,
            _ => 64,
        };
        let size = (rows.len() / step * step).min(256);
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// `before ($1, $2), ($3, $4) after`: the text of a statement that writes many rows.
///
/// Postgres counts its parameters. SQLite would keep a numbered one as a name and look for it among
/// all others whenever a value is bound, so there they stay unnumbered.
pub(super) fn many_rows(
    connection: &AnyConnection,
    before: &str,
    rows: usize,
    columns: usize,
    after: &str,
) -> AssertSqlSafe<String> {
    let numbered = connection.backend_name() != "SQLite";
    AssertSqlSafe(rows_text(numbered, before, rows, columns, after))
}

fn rows_text(numbered: bool, before: &str, rows: usize, columns: usize, after: &str) -> String {
    use std::fmt::Write as _;
    let mut sql = String::with_capacity(before.len() + after.len() + rows * columns * 6);
    sql.push_str(before);
    for row in 0..rows {
        sql.push_str(if row == 0 { " (" } else { ", (" });
        for column in 0..columns {
            sql.push_str(if column == 0 { "" } else { ", " });
            if numbered {
                let _ = write!(sql, "${}", row * columns + column + 1);
            } else {
                sql.push('?');
            }
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(after);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_few_sizes() {
        let rows: Vec<u32> = (0..350).collect();
        let sizes: Vec<usize> = pieces(&rows).map(<[_]>::len).collect();
        assert_eq!(sizes, [256, 64, 16, 14]);
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn placeholders_count_on() {
        assert_eq!(
            rows_text(true, "insert values", 2, 2, "returning a"),
            "insert values ($1, $2), ($3, $4) returning a"
        );
        assert_eq!(
            rows_text(false, "insert values", 2, 2, "returning a"),
            "insert values (?, ?), (?, ?) returning a"
        );
    }
}
