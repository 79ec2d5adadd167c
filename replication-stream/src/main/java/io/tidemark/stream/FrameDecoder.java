package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.tidemark.stream.ProtocolException.Kind;
import java.util.List;

/**
 * Bytes of one peer to {@link Frame}s. Holds at most one frame that is not complete and what one
 * read brought. After the first fault every further byte is thrown away: the caller gets exactly
 * one {@link ProtocolException} and closes the connection.
 */
public final class FrameDecoder extends ByteToMessageDecoder {
  private StreamPhase phase;
  private boolean failed;

  /** Reads what the given side sends, from its first frame on. */
  public FrameDecoder(FrameType.Sender peer) {
    this(
        switch (peer) {
          case REPLICA -> StreamPhase.REPLICA_HELLO;
          case PRIMARY -> StreamPhase.PRIMARY_WELCOME;
          case EITHER -> throw new IllegalArgumentException("a peer is one of the two");
        });
  }

  FrameDecoder(StreamPhase phase) {
    this.phase = phase;
  }

  /** What the peer may send next. */
  public StreamPhase phase() {
    return phase;
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    if (failed) {
      in.skipBytes(in.readableBytes());
      return;
    }
    try {
      Frame frame = FrameCodec.decode(in, phase);
      if (frame != null) {
        phase = phase.after(frame);
        out.add(frame);
      }
    } catch (ProtocolException e) {
      fail(in);
      throw e;
    }
  }

  @Override
  protected void decodeLast(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    if (in.isReadable() && !failed) {
      int rest = in.readableBytes();
      fail(in);
      throw new ProtocolException(
          Kind.CUT, "the connection ended after the first " + rest + " bytes of a frame");
    }
  }

  private void fail(ByteBuf in) {
    failed = true;
    in.skipBytes(in.readableBytes());
  }
}
