package io.tidemark.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Asks SQLite, in a process of its own, whether database files are sound and what they hold. */
final class ImageChecker implements AutoCloseable {
  /**
   * What SQLite says.
   *
   * @param integrity "ok", or what is wrong
   * @param digest of the logical contents, as the drivers compute it
   */
  record Answer(String integrity, String digest) {}

  private final Process process;
  private final Writer requests;
  private final BufferedReader answers;

  ImageChecker() throws IOException {
    process =
        new ProcessBuilder(Settings.python(), Settings.script("image_check.py").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    requests = process.outputWriter(StandardCharsets.UTF_8);
    answers = new BufferedReader(new InputStreamReader(process.getInputStream(), "UTF-8"));
  }

  Answer check(Path database) throws IOException {
    requests.write(database + "\n");
    requests.flush();
    String line = answers.readLine();
    if (line == null) {
      throw new IOException("image_check.py ended");
    }
    String[] fields = line.split("\t");
    return new Answer(fields[0], fields[1]);
  }

  @Override
  public void close() throws IOException {
    requests.close();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }
}
