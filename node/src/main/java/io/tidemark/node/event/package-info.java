/** What happens on this node, told to those who listen at {@code /events}. */
package io.tidemark.node.event;
