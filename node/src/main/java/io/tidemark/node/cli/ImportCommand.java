package io.tidemark.node.cli;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a SQLite file a database of a running node. */
@Command(
    name = "import",
    description = "Creates or replaces a database by a SQLite file, as one transaction.",
    footer = {"", "Examples:", "  tidemark import --name app.db backup.db"})
final class ImportCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(names = "--name", required = true, paramLabel = "DB", description = "The database.")
  private String name;

  @Parameters(paramLabel = "FILE", description = "A SQLite database that nobody is writing.")
  private Path file;

  @Override
  int call(Context context) throws Failure, IOException {
    CommandLineTool.quietLog(debug);
    if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new Failure("Cannot read " + file + ". Check the path and its permissions.");
    }
    String problem = SqliteFile.problem(file);
    if (problem != null) {
      throw new Failure("Cannot import " + file + ": " + problem + ".");
    }
    ApiClient client = api.client();
    long size = Files.size(file);
    try (Progress progress = Progress.of(context.err(), "import " + name, size)) {
      HttpRequest request =
          client.request(ApiClient.withName("/import", name)).POST(body(size, progress)).build();
      Map<String, Object> answer = client.json(client.send(request, BodyHandlers.ofString()));
      context.out().println("imported " + name + " as transaction " + answer.get("txid"));
      return 0;
    }
  }

  private BodyPublisher body(long size, Progress progress) {
    BodyPublisher stream =
        BodyPublishers.ofInputStream(
            () -> {
              try {
                return new Counted(Files.newInputStream(file), progress);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    return BodyPublishers.fromPublisher(stream, size);
  }

  /** Tells the progress what was read. */
  private static final class Counted extends FilterInputStream {
    private final Progress progress;
    private long done;

    Counted(InputStream in, Progress progress) {
      super(in);
      this.progress = progress;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      int n = super.read(buffer, offset, length);
      done += Math.max(0, n);
      progress.update(done);
      return n;
    }
  }
}
