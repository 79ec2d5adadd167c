package io.tidemark.node.cli;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.Txid;
import io.tidemark.node.ltx.LtxEntry;
import io.tidemark.node.ltx.LtxInput;
import io.tidemark.node.ltx.LtxPages;
import io.tidemark.node.ltx.TxidRange;
import java.io.IOException;
import java.time.Instant;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists transactions. */
@Command(
    name = "ls",
    description = "Lists transactions: one line per LTX file or log record.",
    footer = {"", "Examples:", "  tidemark ltx ls --data-dir /var/lib/tidemark --name app.db"})
final class LtxLsCommand extends ToolCommand {
  @Mixin private LtxSelection selection;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    TxidRange range = selection.range();
    for (LtxInput.Source source : selection.inputs()) {
      try (LtxInput input = source.open()) {
        context.out().println(input.title());
        context.out().print(table(input, range));
        context.out().println();
      } catch (IOException e) {
        throw new Failure(e.getMessage(), e);
      }
    }
    return 0;
  }

  private static TextTable table(LtxInput input, TxidRange range) throws IOException {
    TextTable table =
        new TextTable(
            "MIN",
            "MAX",
            ">EPOCH",
            ">PAGES",
            ">COMMIT",
            ">PAGE SIZE",
            ">BYTES",
            "TIME",
            "PRE",
            "POST");
    for (LtxEntry entry = input.next(); entry != null; entry = input.next()) {
      LtxHeader header = entry.header();
      if (range.overlaps(header)) {
        LtxPages.Count count = LtxPages.count(entry);
        table.row(
            new Txid(header.minTxid()),
            new Txid(header.maxTxid()),
            entry.epoch() == 0 ? null : entry.epoch(),
            count.pages(),
            header.commit(),
            header.pageSize(),
            entry.length(),
            Instant.ofEpochMilli(header.timestampMillis()),
            new Checksum(header.preApplyChecksum()),
            new Checksum(count.trailer().postApplyChecksum()));
      }
    }
    return table;
  }
}
