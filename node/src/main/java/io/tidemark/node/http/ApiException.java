package io.tidemark.node.http;

import io.netty.handler.codec.http.HttpResponseStatus;

/**
 * A request that is answered with an error. Status, cause and next step travel to the client as
 * {@code {"error", "hint"}}.
 */
final class ApiException extends Exception {
  private static final long serialVersionUID = 1;

  private final transient HttpResponseStatus status;
  private final String hint;

  ApiException(HttpResponseStatus status, String error, String hint) {
    super(error, null, false, false);
    this.status = status;
    this.hint = hint;
  }

  HttpResponseStatus status() {
    return status;
  }

  String hint() {
    return hint;
  }
}
