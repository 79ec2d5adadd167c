package io.tidemark.node.cli;

import io.tidemark.database.Divergence;
import io.tidemark.database.Divergences;
import io.tidemark.node.ltx.LtxExport;
import io.tidemark.node.ltx.LtxInput;
import io.tidemark.node.ltx.TxidRange;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Copies what a node has set aside. */
@Command(
    name = "export",
    description =
        "Copies what a node has set aside of a database: to a FILE the database as it was, to a DIR"
            + " the same and its transactions as .ltx files. Runs on the machine of the node.",
    footer = {"", "Examples:", "  tidemark divergent export --name app.db --to lost.db"})
final class DivergentExportCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "The data directory, by default that of the node at --url.")
  private Path dataDir;

  @Option(
      names = "--name",
      required = true,
      paramLabel = "DB|SET",
      description = "The database, or one set as 'tidemark divergent ls' shows it.")
  private String name;

  @Option(
      names = "--to",
      required = true,
      paramLabel = "FILE|DIR",
      description = "A file, replaced when the copy is complete; or a directory that exists.")
  private Path target;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    Divergence set = find(directory());
    try {
      if (Files.isDirectory(target)) {
        exportAll(set, context);
      } else {
        exportDatabase(set, target);
        context.out().printf("wrote %s%n", target);
      }
      return 0;
    } catch (FileSystemException e) {
      String reason = e.getReason() == null ? e.getClass().getSimpleName() : e.getReason();
      throw new Failure("Cannot write " + e.getFile() + ": " + reason + ".", e);
    } catch (IOException e) {
      throw new Failure(e.getMessage(), e);
    }
  }

  private Path directory() throws Failure {
    if (dataDir != null) {
      return dataDir;
    }
    Path path = Path.of(String.valueOf(api.client().getJson("/status").get("path")));
    if (!Files.isReadable(path)) {
      throw new Failure(
          "The node's data directory "
              + path
              + " cannot be read here. Run this on its machine, or give --data-dir DIR.");
    }
    return path;
  }

  private Divergence find(Path directory) throws Failure {
    List<Divergence> found;
    try {
      found =
          Divergences.list(directory).stream()
              .filter(set -> set.name().equals(name) || set.id().equals(name))
              .toList();
    } catch (IOException e) {
      throw new Failure(e.getMessage(), e);
    }
    if (found.isEmpty()) {
      throw new Failure(
          "Nothing of '" + name + "' was set aside. 'tidemark divergent ls' lists what was.");
    }
    if (found.size() > 1) {
      throw new Failure(
          Failure.USAGE,
          "There are several sets. Choose one with --name SET: "
              + found.stream().map(Divergence::id).collect(Collectors.joining(", ")),
          null);
    }
    return found.get(0);
  }

  private void exportAll(Divergence set, Context context) throws IOException, Failure {
    List<Path> written;
    try (LtxInput input = LtxInput.ofDivergence(set)) {
      written = new LtxExport(target).export(input, TxidRange.ALL, false);
    }
    context.out().printf("wrote %d .ltx files to %s%n", written.size(), target);
    if (set.hasDatabase()) {
      Path file = target.resolve(Path.of(set.name()).getFileName());
      exportDatabase(set, file);
      context.out().printf("wrote %s%n", file);
    } else {
      context.out().printf("there is no copy of the database in this set; see %s%n", set.path());
    }
  }

  private static void exportDatabase(Divergence set, Path file) throws IOException, Failure {
    if (!set.hasDatabase()) {
      throw new Failure(
          "This set has no copy of the database, its 'description' says why. Give --to DIR for the"
              + " .ltx files.");
    }
    Path temporary = Path.of(file + ".tmp");
    try {
      Files.copy(set.databaseFile(), temporary, StandardCopyOption.REPLACE_EXISTING);
      CompleteFile.replace(temporary, file);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
