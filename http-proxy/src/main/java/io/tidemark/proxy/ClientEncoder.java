package io.tidemark.proxy;

import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;

/** Encodes answers to clients; those to HEAD have no body whatever their headers say. */
final class ClientEncoder extends HttpResponseEncoder {
  private boolean head;

  /** Whether the request that is answered next is a HEAD. */
  void head(boolean isHead) {
    head = isHead;
  }

  @Override
  protected boolean isContentAlwaysEmpty(HttpResponse message) {
    return head || super.isContentAlwaysEmpty(message);
  }
}
