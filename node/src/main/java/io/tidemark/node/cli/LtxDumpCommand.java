package io.tidemark.node.cli;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxTrailer;
import io.tidemark.ltx.Txid;
import io.tidemark.node.ltx.LtxEntry;
import io.tidemark.node.ltx.LtxInput;
import io.tidemark.node.ltx.LtxPages;
import io.tidemark.node.ltx.TxidRange;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Instant;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Shows everything an LTX file says but the contents of its pages. */
@Command(
    name = "dump",
    description = "Shows header, page list and trailer of each LTX file.",
    footer = {
      "",
      "Examples:",
      "  tidemark ltx dump --data-dir /var/lib/tidemark --name app.db --from 7 --to 9",
      "  tidemark ltx dump some.ltx"
    })
final class LtxDumpCommand extends ToolCommand {
  @Mixin private LtxSelection selection;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    TxidRange range = selection.range();
    for (LtxInput.Source source : selection.inputs()) {
      try (LtxInput input = source.open()) {
        for (LtxEntry entry = input.next(); entry != null; entry = input.next()) {
          if (range.overlaps(entry.header())) {
            dump(entry, context.out());
          }
        }
      } catch (IOException e) {
        throw new Failure(e.getMessage(), e);
      }
    }
    return 0;
  }

  private static void dump(LtxEntry entry, PrintStream out) throws IOException {
    LtxHeader header = entry.header();
    out.println(entry.place());
    if (entry.epoch() != 0) {
      line(out, "epoch", entry.epoch());
    }
    line(out, "bytes", entry.length());
    line(out, "flags", header.isLz4() ? "lz4" : "none");
    line(out, "page size", header.pageSize());
    line(out, "commit", header.commit() + " pages");
    line(out, "min txid", new Txid(header.minTxid()));
    line(out, "max txid", new Txid(header.maxTxid()));
    line(out, "time", Instant.ofEpochMilli(header.timestampMillis()));
    line(out, "pre-apply", new Checksum(header.preApplyChecksum()));
    line(out, "wal", "offset " + header.walOffset() + ", size " + header.walSize());
    line(out, "wal salts", String.format("%08x %08x", header.walSalt1(), header.walSalt2()));
    line(out, "node", String.format("%016X", header.nodeId()));
    LtxTrailer trailer =
        LtxPages.walk(
            entry,
            (number, checksum, content) ->
                out.printf("  page %10d  %s%n", number, new Checksum(checksum)));
    line(out, "post-apply", new Checksum(trailer.postApplyChecksum()));
    line(out, "file", new Checksum(trailer.fileChecksum()));
    out.println();
  }

  private static void line(PrintStream out, String name, Object value) {
    out.printf("  %-10s  %s%n", name, value);
  }
}
