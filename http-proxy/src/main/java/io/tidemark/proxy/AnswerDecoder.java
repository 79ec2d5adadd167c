package io.tidemark.proxy;

import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;

/** Decodes answers of an application or of another proxy; those to HEAD have no body. */
final class AnswerDecoder extends HttpResponseDecoder {
  private boolean head;

  AnswerDecoder(ProxySettings.Limits limits) {
    super(RequestDecoder.config(limits).setStrictLineParsing(false));
  }

  /** Whether the request that is answered next is a HEAD. */
  void head(boolean isHead) {
    head = isHead;
  }

  /** Whatever follows is of the next protocol; Netty expects a body of early WebSockets. */
  private static boolean isSwitch(HttpMessage message) {
    return message instanceof HttpResponse response && response.status().code() == 101;
  }

  @Override
  protected boolean isContentAlwaysEmpty(HttpMessage message) {
    return head || isSwitch(message) || super.isContentAlwaysEmpty(message);
  }
}
