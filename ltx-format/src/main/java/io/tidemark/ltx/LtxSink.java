package io.tidemark.ltx;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Where an encoder puts its bytes. */
@FunctionalInterface
public interface LtxSink {

  /**
   * Takes all bytes between position and limit. The buffer belongs to the encoder and is reused as
   * soon as the call returns, so a sink that needs the bytes later has to copy them.
   */
  void write(ByteBuffer src) throws IOException;
}
