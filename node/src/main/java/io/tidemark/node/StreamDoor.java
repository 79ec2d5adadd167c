package io.tidemark.node;

import io.netty.channel.Channel;

/** Takes connections of replicas that have left HTTP. */
public interface StreamDoor {
  /** From here on the connection belongs to the stream; its pipeline decodes nothing any more. */
  void accept(Channel channel);
}
