package io.tidemark.node.cli;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Copies a database out of a running node. */
@Command(
    name = "export",
    description = "Writes a consistent copy of a database to FILE; never blocks writers.",
    footer = {
      "",
      "Examples:",
      "  tidemark export --name app.db backup.db",
      "  tidemark export --url https://node2:20202 --ca ca.pem --name app.db backup.db"
    })
final class ExportCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(names = "--name", required = true, paramLabel = "DB", description = "The database.")
  private String name;

  @Parameters(paramLabel = "FILE", description = "Replaced when the copy is complete.")
  private Path file;

  @Override
  int call(Context context) throws Failure, IOException {
    CommandLineTool.quietLog(debug);
    Path temporary = Path.of(file + ".tmp");
    try {
      HttpResponse<InputStream> response =
          api.client().getStream(ApiClient.withName("/export", name));
      long size = response.headers().firstValueAsLong("Tidemark-Size").orElse(0);
      try (Progress progress = Progress.of(context.err(), "export " + name, size)) {
        receive(response, temporary, progress);
      }
      String problem = SqliteFile.problem(temporary);
      if (problem != null) {
        throw new Failure("The copy is not usable: " + problem + ". Try again.");
      }
      CompleteFile.replace(temporary, file);
      return 0;
    } catch (FileSystemException e) {
      throw new Failure("Cannot write " + file + ": " + reason(e) + ".", e);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static String reason(FileSystemException e) {
    return e.getReason() == null ? e.getClass().getSimpleName() : e.getReason();
  }

  private static void receive(HttpResponse<InputStream> response, Path target, Progress progress)
      throws IOException, Failure {
    try (InputStream in = response.body();
        FileChannel out =
            FileChannel.open(
                target,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
      byte[] buffer = new byte[256 << 10];
      long done = 0;
      for (int n = read(in, buffer); n >= 0; n = read(in, buffer)) {
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, n);
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        done += n;
        progress.update(done);
      }
    }
  }

  private static int read(InputStream in, byte[] buffer) throws Failure {
    try {
      return in.read(buffer);
    } catch (IOException e) {
      throw new Failure("The copy was cut short: " + e.getMessage() + ". See the node's log.", e);
    }
  }
}
