package io.tidemark.stream;

import io.netty.handler.codec.DecoderException;

/**
 * The peer, or a caller that makes a frame, does not keep to the protocol. The message names what
 * was found and what was expected. A connection on which this happened cannot be used any more:
 * where the next frame would begin is unknown.
 *
 * <p>A {@link DecoderException}, so that it passes through Netty's decoders as it is.
 */
public final class ProtocolException extends DecoderException {
  /** Which rule was broken. */
  public enum Kind {
    /** A frame type that this version does not know. */
    TYPE,
    /** A known frame that may not come now, or not from this side. */
    ORDER,
    /** A length that no frame of this type has. */
    LENGTH,
    /** A flag that this type does not have, or a reserved field that is not 0. */
    FLAGS,
    /** The checksum of a frame does not match its bytes. */
    CRC,
    /** A field with an impossible value, or bytes where fields should end. */
    FIELD,
    /** Compressed bytes that cannot be expanded to what they claim. */
    LZ4,
    /** Another version of the protocol. */
    VERSION,
    /** The connection ended in the middle of a frame: as a rule a cut, not a fault of the peer. */
    CUT
  }

  private final Kind kind;

  public ProtocolException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public ProtocolException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
