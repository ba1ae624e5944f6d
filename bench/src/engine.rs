//! The seat machine on one core, decoding included.

mod flatness;
mod latency;
mod memory;
mod throughput;
mod workload;

use clap::Args;
use serde_json::json;

use crate::spread::Spread;
use memory::Memory;
use throughput::Throughput;
use workload::Sells;

/// Options of the engine's benchmark.
#[derive(Args)]
pub(crate) struct EngineArgs {
    /// Print one JSON object with medians.
    #[arg(long)]
    json: bool,
    /// A tenth of the work, for a quick look.
    #[arg(long)]
    quick: bool,
    /// Only the throughput, for a profiler.
    #[arg(long)]
    only_throughput: bool,
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    runs: usize,
    /// Commands of one measured run.
    commands: usize,
    /// Live holds of the large states.
    holds: usize,
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn say(json: bool, line: &str) {
    if !json {
        println!("{line}");
    }
}

fn print_memory(memory: &Memory, print: impl Fn(&str)) {
    print("memory and snapshot");
    print(&format!(
        "  bytes per seat            {:.2}",
        memory.bytes_per_seat
    ));
    print(&format!(
        "  bytes per live hold       {:.1}",
        memory.bytes_per_hold
    ));
    print(&format!("  snapshot pause (ms)       {}", memory.pause_ms));
    print(&format!(
        "  worst command after it    {:.1} µs (its own, of three)",
        memory.after_max_us
    ));
    print(&format!(
        "  encoding                  {} ms, {:.1} MB",
        memory.encode_ms, memory.image_megabytes
    ));
    print(&format!(
        "  decoding                  {} ms",
        memory.decode_ms
    ));
}

/// Throughput where orders are what reserves.
struct Orders {
    plain: Throughput,
    priced: Throughput,
}

fn orders(size: Size) -> anyhow::Result<Orders> {
    Ok(Orders {
        plain: throughput::measure(size, Sells::PlainOrders, false)?,
        priced: throughput::measure(size, Sells::Orders, false)?,
    })
}

fn print_orders(orders: &Orders, print: impl Fn(&str)) {
    print(&format!(
        "  the same as orders        {}",
        orders.plain.per_second
    ));
    print(&format!(
        "  orders of 2 ticket types  {} (phase, bundle, fees, tax)",
        orders.priced.per_second
    ));
}

/// Measures and prints.
///
/// # Errors
/// When a command of the workload cannot be encoded or a state's image not be written.
pub(crate) fn run(args: &EngineArgs) -> anyhow::Result<()> {
    let size = if args.quick {
        Size {
            runs: 3,
            commands: 300_000,
            holds: 100_000,
        }
    } else {
        Size {
            runs: 7,
            commands: 2_000_000,
            holds: 1_000_000,
        }
    };
    let print = |line: &str| say(args.json, line);

    print("throughput: 70 % reserve (named, best, general evenly), 20 % confirm, 10 % release;");
    print("1,000 shows, decoding included (commands per second of one core's time)");
    let plain = throughput::measure(size, Sells::Places, false)?;
    let orders = orders(size)?;
    if args.only_throughput {
        print(&format!("  without idempotency keys  {}", plain.per_second));
        print_orders(&orders, print);
        print(&format!(
            "  decoding alone (ns)       {}",
            plain.decode_nanoseconds
        ));
        return Ok(());
    }
    let keyed = throughput::measure(size, Sells::Places, true)?;
    print(&format!("  without idempotency keys  {}", plain.per_second));
    print(&format!("  with idempotency keys     {}", keyed.per_second));
    print_orders(&orders, print);
    print(&format!(
        "  decoding alone (ns)       {}",
        plain.decode_nanoseconds
    ));
    print(&format!(
        "  allocations per command   {:.3}",
        plain.allocations_per_command
    ));

    print("flatness: 50 % reserve, 20 % confirm, 20 % return, 10 % release (ns per command)");
    let tables = flatness::measure(size)?;
    for table in &tables {
        print(&format!("  {}", table.what));
        for (scale, nanoseconds) in &table.rows {
            print(&format!("    {scale:>9}  {nanoseconds}"));
        }
        print(&format!("    worst to best median: {:.2}", table.ratio()));
    }

    let latency = latency::measure(size)?;
    print("slowest single command (µs), the log applied three times over");
    print(&format!(
        "  as clocked: p50 {:.2}, p99.99 {:.1}, max {:.1}",
        latency.p50_us, latency.p99_99_us, latency.max_us
    ));
    print(&format!(
        "  its own: max of each command's fastest time {:.1} ({})",
        latency.own_max_us, latency.slowest
    ));
    print(&format!(
        "  single large commands: {}",
        latency
            .large
            .iter()
            .map(|(what, us)| format!("{what} {us:.0}"))
            .collect::<Vec<_>>()
            .join(", ")
    ));

    let memory = memory::measure(size)?;
    print_memory(&memory, print);

    if args.json {
        let report = json!({
            "commands_per_second": plain.per_second.median,
            "keyed_commands_per_second": keyed.per_second.median,
            "orders_commands_per_second": orders.priced.per_second.median,
            "plain_orders_commands_per_second": orders.plain.per_second.median,
            "allocations_per_command": plain.allocations_per_command,
            "flatness": tables.iter().map(|table| (table.key, table.ratio())).collect::<std::collections::BTreeMap<_, _>>(),
            "slowest_command_us": latency.own_max_us,
            "snapshot_pause_ms": memory.pause_ms.median,
            "worst_after_snapshot_us": memory.after_max_us,
            "encode_ms": memory.encode_ms.median,
            "decode_ms": memory.decode_ms.median,
            "bytes_per_seat": memory.bytes_per_seat,
            "bytes_per_hold": memory.bytes_per_hold,
        });
        print_json(&report);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn print_json(report: &serde_json::Value) {
    println!("{report}");
}
