package io.tidemark.node.cli;

import io.tidemark.node.ltx.LtxInput;
import io.tidemark.node.ltx.TxidRange;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which LTX files a tool works on. */
final class LtxSelection {
  @Parameters(
      arity = "0..*",
      paramLabel = "PATH",
      description = "A data directory, a directory of .ltx files, or .ltx files.")
  private List<Path> paths = List.of();

  @Option(names = "--data-dir", paramLabel = "DIR", description = "A data directory.")
  private Path dataDir;

  @Option(names = "--name", paramLabel = "DB", description = "Only this database of it.")
  private String name;

  @Option(
      names = "--from",
      paramLabel = "TXID",
      description = "From this transaction on: 16 hex digits, or decimal.")
  private String from;

  @Option(names = "--to", paramLabel = "TXID", description = "Up to this transaction.")
  private String to;

  TxidRange range() throws Failure {
    try {
      return TxidRange.parse(from, to);
    } catch (IllegalArgumentException e) {
      throw new Failure(Failure.USAGE, e.getMessage(), e);
    }
  }

  /** The inputs, at least one. */
  List<LtxInput.Source> inputs() throws Failure {
    try {
      List<LtxInput.Source> sources = sources();
      if (sources.isEmpty()) {
        throw new Failure("There is nothing: no database has a log, and there are no .ltx files.");
      }
      return sources;
    } catch (IOException e) {
      throw new Failure(e.getMessage(), e);
    }
  }

  private List<LtxInput.Source> sources() throws Failure, IOException {
    if ((dataDir == null) == paths.isEmpty()) {
      throw new Failure(Failure.USAGE, "Give either --data-dir DIR or a PATH.", null);
    }
    if (dataDir != null) {
      return LtxInput.ofPath(dataDir, name);
    }
    if (paths.size() == 1) {
      return LtxInput.ofPath(paths.get(0), name);
    }
    return new ArrayList<>(List.of(LtxInput.ofFiles(paths)));
  }
}
