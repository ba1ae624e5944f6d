//! Halls as tables.

use onsale_halls::csv::{export, import};
use onsale_halls::format::Document;
use onsale_halls::{Hall, HallError};

use crate::{labels, small};

fn read(table: &str) -> Result<Document, HallError> {
    import(table.as_bytes(), "Hall")
}

const HEAD: &str = "section,row,seat,x,y,category,flags\n";

#[test]
fn every_way_of_writing_the_same_table() {
    let plain = read(&format!(
        "{HEAD}Stalls,A,1,0,0,Best,wheelchair aisle_before\nStalls,A,2,55,0,Best,\n"
    ))
    .unwrap();
    for other in [
        "\u{feff}section;row;seat;x;y;category;flags\r\nStalls;A;1;0;0;Best;Wheelchair|aisle-before\r\nStalls;A;2;55;0;Best;\r\n",
        "Section\tRow\tSeat\tX\tY\tCategory\tFlags\nStalls\tA\t1\t0\t0\tBest\twheelchair;aisle_before\nStalls\tA\t2\t55\t0\tBest\t",
        "\"section\",\"row\",\"seat\",\"x\",\"y\",\"category\",\"flags\"\n\"Stalls\",\"A\",\"1\",\"0\",\"0\",\"Best\",\"wheelchair,aisle_before\"\n\n Stalls , A , 2 , 55 , 0 , Best , \n",
        "y,x,flags,seat,row,section,category\n0,0,wheelchair  aisle_before,1,A,Stalls,Best\n0,55,,2,A,Stalls,Best\n",
    ] {
        assert_eq!(read(other).unwrap(), plain, "{other:?}");
    }
}

#[test]
fn cells_are_quoted_as_the_standard_says() {
    let table = "section;row;seat;category\n\"Left; \"\"L\"\"\";A;1;'=1+1\n";
    let document = read(table).unwrap();
    assert_eq!(document.sections[0].name, "Left; \"L\"");
    assert_eq!(document.categories[0].id, "=1+1");
}

#[test]
fn without_coordinates_rows_stand_behind_each_other() {
    let table = "section,row,seat,category\nL,A,1,x\nL,A,2,x\nL,B,1,x\nR,A,1,x\n";
    let hall = Hall::new(read(table).unwrap()).unwrap();
    let at: Vec<[i32; 2]> = hall.plan().seats.iter().map(|seat| seat.at).collect();
    assert_eq!(at, [[0, 0], [55, 0], [0, 100], [310, 0]]);
    // Two rows A are told apart.
    assert_eq!(labels(&hall), ["A-1", "A-2", "B-1", "R A-1"]);
}

#[test]
fn faults_name_line_and_column() {
    let line = |line: &str| format!("{HEAD}Stalls,A,1,0,0,Best,\n{line}\n");
    for (table, expected) in [
        (
            String::new(),
            "line 1: no seats: a line with the names of the columns, then one for each seat",
        ),
        (HEAD.to_owned(), "line 1: no seats"),
        (
            "section,row,seat,colour\n".to_owned(),
            "line 1: unknown column \"colour\": the columns are section, prefix, row, seat, x, y, category, flags, rank; line 1: no column category",
        ),
        (
            "section,row,seat,category,x\n".to_owned(),
            "line 1: one of the columns x and y: both, or neither",
        ),
        (
            "section,row,row,seat,category\n".to_owned(),
            "line 1: two columns row",
        ),
        (
            line("Stalls,A,2"),
            "line 3: 3 cells: 7, as in the first line",
        ),
        (
            line("Stalls,A,1,55,0,Best,"),
            "line 3, column seat: 1: the same seat of the same row is in line 2",
        ),
        (
            line("Stalls,A,2,0,0,Best,"),
            "line 3, column x: [0, 0]: the seat of line 2 stands there",
        ),
        (
            line("Stalls,A,2,5.5,0,Best,"),
            "line 3, column x: \"5.5\": whole centimetres from -100000 to 100000",
        ),
        (
            line("Stalls,A,2,55,100001,Best,"),
            "line 3, column y: \"100001\": whole centimetres",
        ),
        (
            line("Stalls,A-1,2,55,0,Best,"),
            "line 3, column row: \"A-1\": 1 to 16 letters, digits and single spaces between them",
        ),
        (
            line("Stalls,A,2-3,55,0,Best,"),
            "line 3, column seat: \"2-3\": 1 to 8 letters and digits",
        ),
        (
            line(",A,2,55,0,Best,"),
            "line 3, column section: \"\": 1 to 100 characters",
        ),
        (
            line("Stalls,A,2,55,0,,"),
            "line 3, column category: \"\": 1 to 32 characters",
        ),
        (
            line("Stalls,A,2,55,0,Best,vip"),
            "line 3, column flags: \"vip\": one of wheelchair, companion, restricted_view, aisle_before",
        ),
        (
            line("\"Sta\nlls\",A,2,55,0,Best,"),
            "line 3, column section: \"Sta\\nlls\"",
        ),
        (line("\"Stalls,A,2,55,0,Best,"), "line 3: 1 cells: 7"),
        (
            "section,row,seat,category,rank\nS,A,1,x,best\n".to_owned(),
            "line 2, column rank: \"best\": 0 to 65535, the best seat lowest",
        ),
        (
            "section,prefix,row,seat,category\nS,P,A,1,x\nS,Q,A,2,x\n".to_owned(),
            "line 3, column prefix: \"Q\": the section began with \"P\"",
        ),
        (
            "section,prefix,row,seat,category\nS,P-,A,1,x\n".to_owned(),
            "line 2, column prefix: \"P-\": at most 16",
        ),
    ] {
        let error = read(&table).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{table:?}: {error}");
    }
    let latin = import(b"section,row,seat,category\nB\xfchne,A,1,x\n", "Hall").unwrap_err();
    assert_eq!(
        latin.to_string(),
        "line 2: not UTF-8: save the table as \"CSV UTF-8\""
    );
    let many: String = (0..150).map(|_| "Stalls,A,?,0,0,Best,\n").collect();
    let Err(HallError::Faults(faults)) = read(&format!("{HEAD}{many}")) else {
        panic!("faults");
    };
    assert_eq!((faults.listed.len(), faults.more), (100, 50));
}

#[test]
fn an_exported_table_is_no_program() {
    let mut document = small().document().clone();
    document.sections[0].name = "=HYPERLINK(\"x\",A1)".to_owned();
    document.sections[2].name = "'quoted".to_owned();
    for category in &mut document.categories {
        category.id = category.id.replace('a', "@a");
    }
    for row in &mut document.sections[0].rows {
        row.category = Some("@a".to_owned());
        for seat in &mut row.seats {
            seat.category = seat.category.take().map(|id| id.replace('a', "@a"));
        }
    }
    let hall = Hall::new(document).unwrap();
    let table = String::from_utf8(export(&hall)).unwrap();
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "\u{feff}section,prefix,row,seat,x,y,category,flags,rank"
    );
    assert!(
        lines[1].starts_with("\"'=HYPERLINK(\"\"x\"\",A1)\",,A,1,-270,400,'@a,restricted_view,"),
        "{}",
        lines[1]
    );
    assert!(table.contains("\r\n''quoted,,T1,1,"));
    let again = Hall::new(import(table.as_bytes(), "Hall").unwrap()).unwrap();
    assert_eq!(again.document().sections[0].name, "=HYPERLINK(\"x\",A1)");
    assert_eq!(again.document().sections[2].name, "'quoted");
    assert_eq!(labels(&again), labels(&hall));
}
