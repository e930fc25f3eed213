//! All that a database holds, as text: `insert` statements in SQLite's words, table by table.

use std::fmt::Write as _;

use sqlx::{AnyConnection, AssertSqlSafe, Row as _, TypeInfo as _, ValueRef as _, any::AnyRow};

/// The rows of every table, in order.
pub async fn dump(connection: &mut AnyConnection) -> String {
    let sql = match connection.backend_name() {
        "SQLite" => "select name from sqlite_master where type = 'table' order by name",
        _ => {
            "select cast(table_name as text) as name from information_schema.tables
             where table_schema = 'public' order by table_name"
        }
    };
    let names: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(&mut *connection)
        .await
        .expect("tables");
    let mut text = String::new();
    // sqlx's own table has types that can not be read on both; what it says is not ours to check.
    for name in names.iter().filter(|name| !name.starts_with('_')) {
        let rows = sqlx::query(AssertSqlSafe(format!("select * from {name} order by 1, 2")))
            .fetch_all(&mut *connection)
            .await
            .expect("rows");
        for row in rows {
            let columns: Vec<&str> = row.columns().iter().map(sqlx::Column::name).collect();
            let values: Vec<String> = (0..columns.len()).map(|at| literal(&row, at)).collect();
            let (columns, values) = (columns.join(", "), values.join(", "));
            writeln!(text, "insert into {name} ({columns}) values ({values});").expect("a text");
        }
    }
    text
}

fn literal(row: &AnyRow, at: usize) -> String {
    let value = row.try_get_raw(at).expect("a value");
    if value.is_null() {
        return "null".into();
    }
    match value.type_info().name() {
        "BLOB" => format!("x'{}'", hex::encode(row.get::<Vec<u8>, _>(at))),
        "TEXT" => format!("'{}'", row.get::<String, _>(at).replace('\'', "''")),
        _ => row.get::<i64, _>(at).to_string(),
    }
}
