"""Linux ABI numbers of netlink and of its routing messages (linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h)."""

from __future__ import annotations

import struct
from typing import Final

AF_NETLINK: Final = 16
NETLINK_ROUTE: Final = 0
MAX_LINKS: Final = 32  # protocols
SOCKADDR_NL: Final = struct.Struct("<HHII")  # family, pad, port, groups
NLMSGHDR: Final = struct.Struct("<IHHII")  # length, type, flags, sequence, port
NLMSG_ERROR, NLMSG_DONE, NLMSG_MIN_TYPE = 2, 3, 16
NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP, NLM_F_CAPPED = 0x1, 0x2, 0x4, 0x300, 0x100
RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR = 16, 18, 20, 22
RTM_MAX: Final = 123
IFINFOMSG: Final = struct.Struct("<BBHiII")  # family, pad, type, index, flags, change
IFADDRMSG: Final = struct.Struct("<BBBBI")  # family, length of the prefix, flags, scope, index
RTATTR: Final = struct.Struct("<HH")  # length, type
(
    IFLA_ADDRESS, IFLA_BROADCAST, IFLA_IFNAME, IFLA_MTU, IFLA_QDISC, IFLA_STATS, IFLA_TXQLEN, IFLA_OPERSTATE,
    IFLA_LINKMODE, IFLA_STATS64, IFLA_GROUP, IFLA_PROMISCUITY, IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES, IFLA_CARRIER,
) = 1, 2, 3, 4, 6, 7, 13, 16, 17, 23, 27, 30, 31, 32, 33  # fmt: skip
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 3, 6, 8
IFA_F_PERMANENT: Final = 0x80
RT_SCOPE_HOST: Final = 254
IFF_LOOPBACK_UP: Final = 0x10049  # IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP
ARPHRD_LOOPBACK: Final = 772
