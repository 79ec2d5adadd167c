package io.tidemark.it;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * GET requests of these tests themselves. An answer of another status than 200, and one that is cut
 * short, is an error; so is a silence of half a minute.
 */
final class Download {
  private static final int LIMIT_MILLIS = 30_000;

  private interface Use<T> {
    T of(InputStream body) throws IOException;
  }

  private Download() {}

  static String text(String url) {
    return get(url, body -> new String(body.readAllBytes(), StandardCharsets.UTF_8)).strip();
  }

  static void toFile(String url, Path file) {
    get(url, body -> Files.copy(body, file, StandardCopyOption.REPLACE_EXISTING));
  }

  private static <T> T get(String url, Use<T> use) {
    try {
      HttpURLConnection connection =
          (HttpURLConnection) URI.create(url).toURL().openConnection(java.net.Proxy.NO_PROXY);
      connection.setConnectTimeout(LIMIT_MILLIS);
      connection.setReadTimeout(LIMIT_MILLIS);
      // A connection that is kept would outlive the program and fail the next one.
      connection.setRequestProperty("Connection", "close");
      int status = connection.getResponseCode();
      if (status != HttpURLConnection.HTTP_OK) {
        throw new AssertionError(url + " answers " + status);
      }
      try (InputStream body = connection.getInputStream()) {
        return use.of(body);
      }
    } catch (IOException e) {
      throw new AssertionError("GET " + url + ": " + e, e);
    }
  }
}
