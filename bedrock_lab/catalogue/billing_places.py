"""How bills and the price list write Regions: the code before a usage type, and the place."""

from typing import NamedTuple

LOCATION_TYPE = "AWS Region"


class Place(NamedTuple):
    """A Region as the price list writes it."""

    code: str
    location: str


PLACES = {
    "af-south-1": Place("AFS1", "Africa (Cape Town)"),
    "ap-east-2": Place("APE2", "Asia Pacific (Taipei)"),
    "ap-northeast-1": Place("APN1", "Asia Pacific (Tokyo)"),
    "ap-northeast-2": Place("APN2", "Asia Pacific (Seoul)"),
    "ap-northeast-3": Place("APN3", "Asia Pacific (Osaka)"),
    "ap-south-1": Place("APS3", "Asia Pacific (Mumbai)"),
    "ap-south-2": Place("APS5", "Asia Pacific (Hyderabad)"),
    "ap-southeast-1": Place("APS1", "Asia Pacific (Singapore)"),
    "ap-southeast-2": Place("APS2", "Asia Pacific (Sydney)"),
    "ap-southeast-3": Place("APS4", "Asia Pacific (Jakarta)"),
    "ap-southeast-4": Place("APS6", "Asia Pacific (Melbourne)"),
    "ap-southeast-5": Place("APS7", "Asia Pacific (Malaysia)"),
    "ap-southeast-6": Place("APS8", "Asia Pacific (New Zealand)"),
    "ap-southeast-7": Place("APS9", "Asia Pacific (Thailand)"),
    "ca-central-1": Place("CAN1", "Canada (Central)"),
    "ca-west-1": Place("CAN2", "Canada West (Calgary)"),
    "eu-central-1": Place("EUC1", "EU (Frankfurt)"),
    "eu-central-2": Place("EUC2", "Europe (Zurich)"),
    "eu-north-1": Place("EUN1", "EU (Stockholm)"),
    "eu-south-1": Place("EUS1", "EU (Milan)"),
    "eu-south-2": Place("EUS2", "Europe (Spain)"),
    "eu-west-1": Place("EU", "EU (Ireland)"),
    "eu-west-2": Place("EUW2", "EU (London)"),
    "eu-west-3": Place("EUW3", "EU (Paris)"),
    "il-central-1": Place("ILC1", "Israel (Tel Aviv)"),
    "me-central-1": Place("MEC1", "Middle East (UAE)"),
    "me-south-1": Place("MES1", "Middle East (Bahrain)"),
    "mx-central-1": Place("MXC1", "Mexico (Central)"),
    "sa-east-1": Place("SAE1", "South America (Sao Paulo)"),
    "us-east-1": Place("USE1", "US East (N. Virginia)"),
    "us-east-2": Place("USE2", "US East (Ohio)"),
    "us-gov-east-1": Place("UGE1", "AWS GovCloud (US-East)"),
    "us-gov-west-1": Place("UGW1", "AWS GovCloud (US-West)"),
    "us-west-1": Place("USW1", "US West (N. California)"),
    "us-west-2": Place("USW2", "US West (Oregon)"),
}
"""Source: the AWS page of Region billing codes, and locations as public answers of the price list show them."""
