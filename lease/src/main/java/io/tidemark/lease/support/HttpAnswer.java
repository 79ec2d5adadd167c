package io.tidemark.lease.support;

import java.net.http.HttpHeaders;

/** A complete answer, whatever its status. */
public record HttpAnswer(int status, HttpHeaders headers, String body) {
  public boolean isSuccess() {
    return status >= 200 && status < 300;
  }

  /** The first line of the body, not too long, for messages. */
  public String excerpt() {
    String line = body.strip().lines().findFirst().orElse("");
    return line.length() > 200 ? line.substring(0, 200) + "..." : line;
  }
}
