package io.tidemark.node.proxy;

import io.tidemark.node.config.NodeConfig;
import io.tidemark.proxy.ProxySettings;

/** What the configuration says of the proxy, in the proxy's terms. */
public final class ProxyConfig {
  private ProxyConfig() {}

  /**
   * @param nodeId 16 hex digits
   */
  public static ProxySettings settings(NodeConfig.Proxy config, String nodeId) {
    return new ProxySettings(
        nodeId,
        config.target().host(),
        config.target().port(),
        config.db(),
        config.passthrough(),
        config.alwaysForward(),
        config.forward().equals("fly-replay"),
        config.maxLag(),
        config.primaryRedirectTimeout(),
        config.readTimeout(),
        config.readHeaderTimeout(),
        config.writeTimeout(),
        config.idleTimeout(),
        ProxySettings.Limits.defaults());
  }
}
